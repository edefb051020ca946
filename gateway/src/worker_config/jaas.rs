//! Files of JAAS, Java's login configuration: where Kafka Connect's basic authentication finds
//! its users.

use std::path::{Path, PathBuf};

use crate::files::read_text_bounded;

/// Which section of a file is meant, and which login modules it may name.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    section: String,
    modules: &'static [&'static str],
}

impl Login {
    /// That of Kafka Connect.
    pub(crate) fn of_kafka_connect() -> Self {
        let modules =
            &["org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"];
        Self { section: "KafkaConnect".to_owned(), modules }
    }

    /// That of a realm of Confluent's schema registry: Jetty's, which has moved once.
    pub(crate) fn of_confluent(realm: &str) -> Self {
        let modules = &[
            "org.eclipse.jetty.security.jaas.spi.PropertyFileLoginModule",
            "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule",
        ];
        Self { section: realm.to_owned(), modules }
    }
}

/// The option of Java programs that names the file.
const JAVA_OPTION: &str = "-Djava.security.auth.login.config=";
/// A larger file is no login configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The file that Java options such as those of KAFKA_OPTS name.
pub(crate) fn named_in(options: &str) -> Option<String> {
    let options = options.split_whitespace().map(|option| option.trim_matches(['"', '\'']));
    let file = options.filter_map(|option| option.strip_prefix(JAVA_OPTION)).next_back()?;
    // Java takes a second `=` for "this file and no other", and a URL as well as a path.
    let file = file.strip_prefix('=').unwrap_or(file);
    let file = file.strip_prefix("file://").or_else(|| file.strip_prefix("file:")).unwrap_or(file);
    Some(file.trim_matches(['"', '\'']).to_owned())
}

/// The users' files of the section that is meant; none where there is no such section or no
/// file in it, in which case nobody is let in. The error names file, reason and remedy.
pub(crate) fn users_files(jaas: &Path, login: &Login) -> Result<Vec<PathBuf>, String> {
    let refuse =
        |why: String| format!("Failed to retrieve JAAS configuration: {}: {why}", jaas.display());
    let text = read_text_bounded(jaas, FILE_BYTES_MAX);
    let text = text.map_err(|why| refuse(format!("{why}; check the path and its permissions")))?;
    let Login { section, modules } = login;
    parse(&text, login).map_err(|why| {
        let module = modules.first().copied().unwrap_or_default();
        refuse(format!(
            "{why}; write {section} {{ {module} required file=\"/path/to/users.properties\"; }};"
        ))
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// The users' files of the text of a JAAS file.
fn parse(text: &str, login: &Login) -> Result<Vec<PathBuf>, String> {
    let mut tokens = tokens(text)?.into_iter();
    let mut files = Vec::new();
    while let Some(token) = tokens.next() {
        let Token::Word(section) = token else { return Err(unexpected(&token)) };
        expect(&mut tokens, '{')?;
        loop {
            let module = match tokens.next() {
                Some(Token::Sign('}')) => break,
                Some(Token::Word(module)) => module,
                other => return Err(end_or(other)),
            };
            let file = login_module(&mut tokens)?;
            if section != login.section {
                continue;
            }
            if !login.modules.contains(&module.as_str()) {
                let known = login.modules.join(" and ");
                return Err(format!("there is no login module {module}, only {known}"));
            }
            files.extend(file.filter(|file| !file.trim().is_empty()).map(PathBuf::from));
        }
        expect(&mut tokens, ';')?;
    }
    Ok(files)
}

/// Flag and options of a login module, up to its semicolon; gives the option `file`.
fn login_module(tokens: &mut impl Iterator<Item = Token>) -> Result<Option<String>, String> {
    match tokens.next() {
        Some(Token::Word(flag))
            if ["required", "requisite", "sufficient", "optional"]
                .contains(&flag.to_ascii_lowercase().as_str()) => {}
        other => return Err(end_or(other)),
    }
    let mut file = None;
    loop {
        let name = match tokens.next() {
            Some(Token::Sign(';')) => return Ok(file),
            Some(Token::Word(name)) => name,
            other => return Err(end_or(other)),
        };
        expect(tokens, '=')?;
        match tokens.next() {
            Some(Token::Word(value) | Token::Text(value)) if name == "file" => file = Some(value),
            Some(Token::Word(_) | Token::Text(_)) => {}
            other => return Err(end_or(other)),
        }
    }
}

fn expect(tokens: &mut impl Iterator<Item = Token>, sign: char) -> Result<(), String> {
    match tokens.next() {
        Some(Token::Sign(found)) if found == sign => Ok(()),
        Some(other) => Err(format!("{} where {sign} is expected", unexpected(&other))),
        None => Err(format!("it ends where {sign} is expected")),
    }
}

fn end_or(token: Option<Token>) -> String {
    token.map_or_else(|| "it ends too early".to_owned(), |token| unexpected(&token))
}

fn unexpected(token: &Token) -> String {
    match token {
        Token::Word(text) => format!("unexpected {text}"),
        // A text may be a secret.
        Token::Text(_) => "unexpected text in quotes".to_owned(),
        Token::Sign(sign) => format!("unexpected {sign}"),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").ok_or("a comment has no end")?.1;
        } else if rest.starts_with("//") {
            rest = rest.split_once('\n').unwrap_or_default().1;
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (value, after) = quoted.split_once('"').ok_or("a quote has no end")?;
            if value.contains("${") {
                return Err("it holds a Java property ${…}, and there are none".to_owned());
            }
            tokens.push(Token::Text(value.to_owned()));
            rest = after;
        } else if c.is_whitespace() || "{};=".contains(c) {
            if !c.is_whitespace() {
                tokens.push(Token::Sign(c));
            }
            rest = &rest[c.len_utf8()..];
        } else {
            let is_word = |c: char| c.is_alphanumeric() || "._$-*".contains(c);
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("unexpected {c}"));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_files_are_found() {
        let kafka = Login::of_kafka_connect();
        let module = kafka.modules[0];
        let text = format!(
            "/* one */ Other {{ com.example.Any required a=b; }};\n// two\nKafkaConnect {{\n  \
             {module} required\n  debug=true file=\"/etc/my users.properties\";\n \
             {module} Optional file=\"/b\";\n}};"
        );
        let files: Vec<_> = ["/etc/my users.properties", "/b"].map(PathBuf::from).into();
        assert_eq!(parse(&text, &kafka), Ok(files));
        assert_eq!(parse("Other { a.B required; };", &kafka), Ok(Vec::new()));
        assert_eq!(
            parse(&format!("KafkaConnect {{ {module} required; }};"), &kafka),
            Ok(Vec::new())
        );
        assert_eq!(parse("", &kafka), Ok(Vec::new()));
        let confluent = Login::of_confluent("SR");
        for module in confluent.modules {
            let text = format!("SR {{ {module} required file=\"/c\" debug=\"false\"; }};");
            assert_eq!(parse(&text, &confluent), Ok(vec![PathBuf::from("/c")]));
            assert_eq!(parse(&text, &Login::of_confluent("Other")), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_is_no_login_configuration_is_refused() {
        let kafka = Login::of_kafka_connect();
        for (wrong, why) in [
            ("garbage", "it ends where { is expected"),
            ("KafkaConnect { com.example.Ldap required; };", "no login module com.example.Ldap"),
            ("KafkaConnect { a.B perhaps; };", "unexpected perhaps"),
            ("KafkaConnect { a.B required file=\"x\" };", "unexpected }"),
            ("Other { a.B required x=\"${user.home}\"; };", "Java property"),
            ("# comment", "unexpected #"),
            ("Other { a.B required; }", "it ends where ; is expected"),
            ("Other { a.B required x=\"y; };", "a quote has no end"),
        ] {
            let error = parse(wrong, &kafka).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
        let missing = users_files(Path::new("/nonexistent/jaas.conf"), &kafka).unwrap_err();
        assert!(missing.starts_with("Failed to retrieve JAAS configuration: /nonexistent/jaas"));
        // It says that it is empty, and has no end.
        let endless = users_files(Path::new("/dev/zero"), &kafka).unwrap_err();
        assert!(endless.contains("/dev/zero: it is larger than 1048576 bytes"), "{endless}");
    }

    #[test]
    fn java_options_name_the_file() {
        let named = |options: &str| named_in(options);
        assert_eq!(
            named("-Xmx1G -Djava.security.auth.login.config=/a.conf"),
            Some("/a.conf".into())
        );
        assert_eq!(named("\"-Djava.security.auth.login.config==file:/a\""), Some("/a".into()));
        assert_eq!(named("-Dother=/a"), None);
    }
}
