//! The keys: those of castorm's connector, and Gantry's own.

use gantry_api::Importance::{High, Low, Medium};
use gantry_api::model::regex::JavaPattern;
use gantry_api::{ConfigDef, Type, Validator};

use super::super::keys::{self, Keys, text_rule};
use super::super::own;
use super::json::Pointer;
use super::times;

const PACKAGE: &str = "com.github.castorm.kafka.connect.";

pub(super) const TOPIC: &str = "kafka.topic";
pub(super) const URL: &str = "http.request.url";
pub(super) const METHOD: &str = "http.request.method";
pub(super) const HEADERS: &str = "http.request.headers";
pub(super) const PARAMS: &str = "http.request.params";
pub(super) const BODY: &str = "http.request.body";
pub(super) const TEMPLATES: &str = "http.request.template.factory";
pub(super) const INITIAL: &str = "http.offset.initial";
pub(super) const TIMER: &str = "http.timer";
pub(super) const INTERVAL: &str = "http.timer.interval.millis";
pub(super) const CATCHUP: &str = "http.timer.catchup.interval.millis";
pub(super) const OLD_INTERVAL: &str = "http.throttler.interval.millis";
pub(super) const OLD_CATCHUP: &str = "http.throttler.catchup.interval.millis";
pub(super) const INTERVAL_MS: i64 = 60_000;
pub(super) const CATCHUP_MS: i64 = 30_000;
pub(super) const CONNECT_TIMEOUT: &str = "http.client.connection.timeout.millis";
pub(super) const READ_TIMEOUT: &str = "http.client.read.timeout.millis";
pub(super) const TTL: &str = "http.client.ttl.millis";
pub(super) const IDLE_MAX: &str = "http.client.max-idle";
pub(super) const KEY_STORE: &str = "http.client.keystore";
pub(super) const KEY_STORE_PASSWORD: &str = "http.client.keystore.password";
pub(super) const PROXY_HOST: &str = "http.client.proxy.host";
pub(super) const PROXY_PORT: &str = "http.client.proxy.port";
pub(super) const PROXY_USER: &str = "http.client.proxy.username";
pub(super) const PROXY_PASSWORD: &str = "http.client.proxy.password";
pub(super) const AUTH: &str = "http.auth";
pub(super) const AUTH_TYPE: &str = "http.auth.type";
pub(super) const USER: &str = "http.auth.user";
pub(super) const PASSWORD: &str = "http.auth.password";
pub(super) const PROCESS: &str = "http.response.policy.codes.process";
pub(super) const SKIP: &str = "http.response.policy.codes.skip";
pub(super) const LIST: &str = "http.response.list.pointer";
pub(super) const RECORD: &str = "http.response.record.pointer";
pub(super) const KEY: &str = "http.response.record.key.pointer";
pub(super) const TIMESTAMP: &str = "http.response.record.timestamp.pointer";
pub(super) const OFFSET: &str = "http.response.record.offset.pointer";
pub(super) const PARSER: &str = "http.response.record.timestamp.parser";
pub(super) const PARSER_DELEGATE: &str = "http.response.record.timestamp.parser.delegate";
pub(super) const PARSER_PATTERN: &str = "http.response.record.timestamp.parser.pattern";
pub(super) const PARSER_ZONE: &str = "http.response.record.timestamp.parser.zone";
pub(super) const PARSER_REGEX: &str = "http.response.record.timestamp.parser.regex";
pub(super) const PARSER_REGEX_DELEGATE: &str =
    "http.response.record.timestamp.parser.regex.delegate";
pub(super) const ORDER: &str = "http.response.list.order.direction";
pub(super) const FILTER: &str = "http.record.filter.factory";
pub(super) const MAPPER: &str = "http.response.record.mapper";
pub(super) const ETAG: &str = "gantry.http.etag";
pub(super) const NEXT: &str = "gantry.http.next.page.pointer";
pub(super) const NEXT_PARAM: &str = "gantry.http.next.page.param";
pub(super) const NEXT_LINK: &str = "gantry.http.next.page.link";
pub(super) const RETRIES: &str = "gantry.http.max.retries";
pub(super) const BACKOFF: &str = "gantry.http.retry.backoff.ms";
pub(super) const RETRY_ON: &str = "gantry.http.retry.on.status.codes";
pub(super) const BYTES_MAX: &str = "gantry.http.response.max.bytes";
pub(super) const TOKEN_URL: &str = "gantry.http.oauth2.token.url";
pub(super) const CLIENT_ID: &str = "gantry.http.oauth2.client.id";
pub(super) const CLIENT_SECRET: &str = "gantry.http.oauth2.client.secret";
pub(super) const SCOPE: &str = "gantry.http.oauth2.scope";

/// The keys.
pub(in crate::http) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Request");
    request(&mut keys);
    timer(&mut keys);
    steps(&mut keys);
    client(&mut keys);
    response(&mut keys);
    own_keys(&mut keys);
    keys.done()
}

/// One of these classes, with its package or without.
fn classes(names: &'static [&'static str]) -> Validator {
    text_rule(move |text| match names.contains(&simple(text)) {
        true => Ok(()),
        false => Err(format!("it must be one of {}", names.join(", "))),
    })
}

/// A class name without its package.
pub(super) fn simple(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

fn class(keys: &mut Keys, name: &str, all: &'static [&'static str], package: &str, text: &str) {
    let default = format!("{PACKAGE}{package}.{}", all.first().copied().unwrap_or_default());
    keys.add_valid(name, Type::String, default.as_str(), Low, text, classes(all));
}

fn pointer() -> Validator {
    text_rule(|text| Pointer::parse(text).map(drop))
}

fn request(keys: &mut Keys) {
    keys.required(TOPIC, Type::String, High, "The topic that records go to.");
    let text = "What is asked for. In URL, headers, parameters and body stands ${offset.NAME} for parts of the offset.";
    keys.required(URL, Type::String, High, text);
    let methods = Validator::one_of(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
    keys.add_valid(METHOD, Type::String, "GET", High, "How it is asked for.", methods);
    let text = "Headers: Name: Value, divided by commas; a comma in a value is \\,.";
    keys.add(HEADERS, Type::String, "", Medium, text);
    let text = "Parameters of the URL: name=value, divided by &. What is percent-encoded stays so.";
    keys.add(PARAMS, Type::String, "", Medium, text);
    let text = "The body, of methods that have one.";
    keys.add(BODY, Type::String, "", Low, text);
    let all = &[
        "BackwardsCompatibleFreeMarkerTemplateFactory",
        "FreeMarkerTemplateFactory",
        "NoTemplateFactory",
    ];
    let text = "Whether these are templates; NoTemplateFactory: they are not.";
    class(keys, TEMPLATES, all, "http.request.template.freemarker", text);
    let text = "The offset before the first record: name=value, divided by commas.";
    keys.add_valid(INITIAL, Type::String, "", High, text, text_rule(|text| pairs(text).map(drop)));
}

fn timer(keys: &mut Keys) {
    keys.group("Timer");
    let text = "When it is asked again. AdaptableIntervalTimer: http.timer.catchup.interval.millis after an answer with \
                records that are older than http.timer.interval.millis, else that; FixedIntervalTimer: that.";
    class(keys, TIMER, &["AdaptableIntervalTimer", "FixedIntervalTimer"], "timer", text);
    let text = "How long it is waited between two requests.";
    keys.add_valid(INTERVAL, Type::Long, INTERVAL_MS, High, text, Validator::at_least(0));
    let text = "How long it is waited while there are old records.";
    keys.add_valid(CATCHUP, Type::Long, CATCHUP_MS, High, text, Validator::at_least(0));
    let text = "Of old: counts where http.timer.interval.millis is not set.";
    keys.add_valid(OLD_INTERVAL, Type::Long, INTERVAL_MS, Low, text, Validator::at_least(0));
    let text = "Of old: counts where http.timer.catchup.interval.millis is not set.";
    keys.add_valid(OLD_CATCHUP, Type::Long, CATCHUP_MS, Low, text, Validator::at_least(0));
}

/// Steps that a class of one's own could do in Java: here castorm's do them.
fn steps(keys: &mut Keys) {
    keys.group("Steps");
    for (name, own, package, what) in [
        ("http.client", "OkHttpClient", "http.client.okhttp", "What sends requests."),
        (
            "http.request.factory",
            "TemplateHttpRequestFactory",
            "http.request.template",
            "What makes requests.",
        ),
        (
            "http.response.parser",
            "PolicyHttpResponseParser",
            "http.response",
            "What looks at the status of answers.",
        ),
        (
            "http.response.policy",
            "StatusCodeHttpResponsePolicy",
            "http.response",
            "What becomes of a status.",
        ),
        (
            "http.response.policy.parser",
            "KvHttpResponseParser",
            "http.response",
            "What makes records of answers.",
        ),
        (
            "http.response.record.parser",
            "JacksonKvRecordHttpResponseParser",
            "http.response.jackson",
            "What divides answers.",
        ),
        (
            "http.record.sorter",
            "OrderDirectionSourceRecordSorter",
            "http.record",
            "What puts records in order.",
        ),
    ] {
        let text = format!(
            "{what} There is this one; for a class of one's own put the Java connector on plugin.path."
        );
        let default = format!("{PACKAGE}{package}.{own}");
        keys.add_valid(name, Type::String, default.as_str(), Low, &text, this_class(own));
    }
}

fn this_class(own: &'static str) -> Validator {
    text_rule(move |text| match simple(text) == own {
        true => Ok(()),
        false => Err(format!(
            "it must be {own}: for a class of one's own put the Java connector on plugin.path"
        )),
    })
}

fn client(keys: &mut Keys) {
    keys.group("Client");
    let positive = || Validator::at_least(1);
    let text = "How long it may take to connect.";
    keys.add_valid(CONNECT_TIMEOUT, Type::Long, 2000i64, Medium, text, positive());
    let text = "How long the whole answer may take.";
    keys.add_valid(READ_TIMEOUT, Type::Long, 2000i64, Medium, text, positive());
    let text = "How long a connection that is not used is kept.";
    keys.add_valid(TTL, Type::Long, 300_000i64, Low, text, positive());
    let text = "How many connections that are not used are kept.";
    keys.add_valid(IDLE_MAX, Type::Int, 1, Low, text, Validator::at_least(0));
    let text =
        "A key store (PKCS12) with the certificate that is shown to the server (mutual TLS).";
    keys.add(KEY_STORE, Type::String, "", Medium, text);
    keys.add(KEY_STORE_PASSWORD, Type::Password, "", Medium, "The password of the key store.");
    keys.add(PROXY_HOST, Type::String, "", Medium, "The host of a proxy.");
    let text = "The port of the proxy.";
    keys.add_valid(PROXY_PORT, Type::Int, 3128, Medium, text, Validator::between(1, 65535));
    keys.add(PROXY_USER, Type::String, "", Medium, "Who asks the proxy.");
    keys.add(PROXY_PASSWORD, Type::Password, "", Medium, "The password for the proxy.");
    let all = &["ConfigurableHttpAuthenticator", "NoneHttpAuthenticator", "BasicHttpAuthenticator"];
    class(
        keys,
        AUTH,
        all,
        "http.auth",
        "How it is said who asks; the first: as http.auth.type says.",
    );
    let kinds = keys::words(&["None", "Basic"]);
    keys.add_valid(AUTH_TYPE, Type::String, "None", Medium, "None or Basic.", kinds);
    keys.add(USER, Type::String, "", Medium, "The user, of Basic.");
    keys.add(PASSWORD, Type::Password, "", Medium, "The password, of Basic.");
}

fn response(keys: &mut Keys) {
    keys.group("Response");
    let codes = || text_rule(|text| codes(text).map(drop));
    let text = "Status codes of answers with records: 200..205, 207.";
    keys.add_valid(PROCESS, Type::String, "200..299", High, text, codes());
    let text =
        "Status codes of answers without; the task fails on all others. Redirects are followed.";
    keys.add_valid(SKIP, Type::String, "300..399", High, text, codes());
    let text =
        "Where in the answer the array of records is, as a JSON pointer; / is the answer itself.";
    keys.add_valid(LIST, Type::String, "/", High, text, pointer());
    let text = "Where in an item of it the value of the record is.";
    keys.add_valid(RECORD, Type::String, "/", High, text, pointer());
    let text = "Where the key is: several pointers, divided by commas, are joined by +. Of old; key=/… of the offset is the same.";
    let pointers = text_rule(|text| texts(text).try_for_each(|one| Pointer::parse(one).map(drop)));
    keys.null_valid(KEY, Type::String, Low, text, pointers);
    let text = "Where the time is. Of old; timestamp=/… of the offset is the same.";
    keys.null_valid(TIMESTAMP, Type::String, Low, text, pointer());
    let text = "Parts of the offset: name=/pointer, divided by commas. key and timestamp are the record's.";
    let rule =
        text_rule(|text| pairs(text)?.iter().try_for_each(|(_, to)| Pointer::parse(to).map(drop)));
    keys.add_valid(OFFSET, Type::String, "", High, text, rule);
    times_keys(keys);
    let order = keys::words(&["ASC", "DESC", "IMPLICIT"]);
    let text = "In which order an answer has its records; IMPLICIT: by the times of the first and the last.";
    keys.add_valid(ORDER, Type::String, "IMPLICIT", Medium, text, order);
    let all = &[
        "OffsetRecordFilterFactory",
        "OffsetTimestampRecordFilterFactory",
        "PassthroughRecordFilterFactory",
    ];
    let text = "Which records were seen before: those before the time of the offset, and of the same time those up to the \
                offset; those up to the time; none.";
    class(keys, FILTER, all, "http.record", text);
    let all = &["SchemedKvSourceRecordMapper", "StringKvSourceRecordMapper"];
    let text = "Keys and values as structs (key; value, key and timestamp), or as texts.";
    class(keys, MAPPER, all, "http.record", text);
}

fn times_keys(keys: &mut Keys) {
    const PLACE: &str = "http.response.timestamp";
    let all = &[
        "EpochMillisOrDelegateTimestampParser",
        "EpochMillisTimestampParser",
        "DateTimeFormatterTimestampParser",
        "RegexTimestampParser",
    ];
    let text = "How times are written: milliseconds since the epoch or as ….delegate says, the first only, as ….pattern says, or what \
                the first group of ….regex finds.";
    class(keys, PARSER, all, PLACE, text);
    let all =
        &["DateTimeFormatterTimestampParser", "EpochMillisTimestampParser", "RegexTimestampParser"];
    let text =
        "How times are written that are no milliseconds, of EpochMillisOrDelegateTimestampParser.";
    class(keys, PARSER_DELEGATE, all, PLACE, text);
    let text =
        "A pattern of DateTimeFormatter; the default takes any time of ISO 8601 with its offset.";
    let rule = text_rule(|text| times::Pattern::parse_text(text, "UTC").map(drop));
    keys.add_valid(PARSER_PATTERN, Type::String, times::ISO, Low, text, rule);
    let text = "The zone of times that do not name theirs.";
    let rule = text_rule(|text| times::time_zone(text).map(drop));
    keys.add_valid(PARSER_ZONE, Type::String, "UTC", Low, text, rule);
    let text = "Its first group finds the time in a text, of RegexTimestampParser.";
    let rule =
        text_rule(|text| JavaPattern::check(text).map_err(|error| error.message().to_owned()));
    keys.add_valid(PARSER_REGEX, Type::String, ".*", Low, text, rule);
    let all = &["DateTimeFormatterTimestampParser", "EpochMillisTimestampParser"];
    let text = "How what it finds is written.";
    class(keys, PARSER_REGEX_DELEGATE, all, PLACE, text);
}

fn own_keys(keys: &mut Keys) {
    keys.group("Gantry");
    let text = "Whether the ETag of an answer is sent as If-None-Match: the service answers 304 while nothing has changed.";
    keys.add(ETAG, Type::Boolean, false, Low, text);
    let text = "Where in the answer the next page is: a URL, or the value of gantry.http.next.page.param. It is asked for at once.";
    keys.null_valid(NEXT, Type::String, Low, text, pointer());
    let text = "The parameter of the URL that names a page.";
    keys.null_valid(NEXT_PARAM, Type::String, Low, text, Validator::NonEmptyString);
    let text = "Whether the header Link of an answer names the next page (rel=next).";
    keys.add(NEXT_LINK, Type::Boolean, false, Low, text);
    let text = "How often a request is tried again that got no answer, or one of gantry.http.retry.on.status.codes; -1: until it succeeds.";
    keys.add_valid(RETRIES, Type::Int, -1, Low, text, Validator::at_least(-1));
    let text = "How long it is waited before; doubled each time, up to a minute, and at least what Retry-After says.";
    keys.add_valid(BACKOFF, Type::Long, 1000i64, Low, text, Validator::between(1i64, 60_000i64));
    let text = "Status codes after which a request is tried again: 429,500-502,503-.";
    keys.add_valid(RETRY_ON, Type::String, "429,502-504", Low, text, own::statuses_rule());
    let text = "The task fails on an answer with more bytes.";
    let size = Validator::between(1024i64, 1i64 << 30);
    keys.add_valid(BYTES_MAX, Type::Long, 16i64 << 20, Low, text, size);
    let text = "Where tokens of OAuth 2 are asked for (client credentials).";
    let url =
        text_rule(|text| keys::parse_url(text).map(drop).ok_or_else(|| "malformed URL".to_owned()));
    keys.null_valid(TOKEN_URL, Type::String, Low, text, url);
    keys.null(CLIENT_ID, Type::String, Low, "The client's id.");
    keys.null(CLIENT_SECRET, Type::Password, Low, "The client's secret.");
    keys.null(SCOPE, Type::String, Low, "What tokens are asked for.");
    own::define_source(keys);
}

/// Texts divided by commas.
pub(super) fn texts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty())
}

/// `name=value`, divided by commas.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    texts(text)
        .map(|one| {
            let (name, value) = one.split_once('=').ok_or_else(|| format!("{one} has no ="))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

/// Status codes and ranges of them, `200..205, 207`.
pub(super) fn codes(text: &str) -> Result<Vec<(u16, u16)>, String> {
    texts(text)
        .map(|one| {
            let (first, last) = one.split_once("..").unwrap_or((one, one));
            let code = |text: &str| {
                text.trim().parse::<u16>().map_err(|_| {
                    format!("{one} is neither a status code nor a range of them (200..299)")
                })
            };
            // Either end may come first.
            let (first, last) = (code(first)?, code(last)?);
            Ok((first.min(last), first.max(last)))
        })
        .collect()
}
