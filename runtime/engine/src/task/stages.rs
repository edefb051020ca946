//! The stages a record passes between connector and log: transformations and converters. Tasks
//! and the preview run the same ones.

mod decode;
mod encode;
mod watch;

use gantry_api::model::plugin::{ConverterType, DRY_RUN};
use gantry_api::{
    ConnectRecord, Converter, Error, Fate, HeaderConverter, PluginRegistry, Predicate, Props,
    Result, Transformation,
};

use crate::connector_config::{
    HEADER_CONVERTER, KEY_CONVERTER, PREDICATES, TRANSFORMS, VALUE_CONVERTER, converter_props,
    stage_props, stages,
};
use crate::validation::PluginKind;

pub(crate) use encode::Encoded;
pub(crate) use watch::Watch;

/// Where in the pipeline something failed: Kafka Connect's `Stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Transformation,
    KeyConverter,
    ValueConverter,
    HeaderConverter,
    TaskPut,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transformation => "TRANSFORMATION",
            Self::KeyConverter => "KEY_CONVERTER",
            Self::ValueConverter => "VALUE_CONVERTER",
            Self::HeaderConverter => "HEADER_CONVERTER",
            Self::TaskPut => "TASK_PUT",
        }
    }
}

/// An error with the stage and the class that made it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) class: String,
    pub(crate) error: Error,
}

/// One transformation of the chain.
pub(crate) struct Step {
    /// Its name in the list of transformations.
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) condition: Option<Condition>,
    transformation: Box<dyn Transformation>,
}

/// To which records a transformation applies.
pub(crate) struct Condition {
    /// The predicate's name.
    pub(crate) predicate: String,
    /// Whether it applies to those that the predicate does not hold for.
    pub(crate) negate: bool,
    test: Box<dyn Predicate>,
}

/// A converter with the class name that errors tell.
pub(crate) struct Named<T: ?Sized> {
    pub(crate) class: String,
    /// Whether it may wait for something.
    pub(crate) may_block: bool,
    pub(crate) inner: Box<T>,
}

impl<T: ?Sized> Named<T> {
    pub(crate) fn failed(&self, stage: Stage, error: Error) -> Failure {
        Failure { stage, class: self.class.clone(), error }
    }
}

/// All stages of one task.
pub(crate) struct Stages {
    steps: Vec<Step>,
    pub(crate) key: Named<dyn Converter>,
    pub(crate) value: Named<dyn Converter>,
    pub(crate) header: Named<dyn HeaderConverter>,
}

impl Stages {
    /// Makes the stages that a connector's properties name; the worker's converters fill in.
    pub(crate) fn build(plugins: &PluginRegistry, props: &Props, worker: &Props) -> Result<Self> {
        Self::made(plugins, props, worker, &Props::new())
    }

    /// The same stages, which change nothing anywhere.
    pub(crate) fn dry(plugins: &PluginRegistry, props: &Props, worker: &Props) -> Result<Self> {
        let dry = Props::from([(DRY_RUN.to_owned(), true.to_string())]);
        Self::made(plugins, props, worker, &dry)
    }

    /// `more`: properties that converters get besides.
    fn made(plugins: &PluginRegistry, props: &Props, worker: &Props, more: &Props) -> Result<Self> {
        let converter = |key: &str, type_| -> Result<Named<dyn Converter>> {
            let (class, mut props) =
                converter_props(props, worker, key, type_).ok_or_else(|| {
                    Error::config(format!(
                        "{key} is set by neither connector nor worker: name a converter class"
                    ))
                })?;
            let plugin = plugins.find_converter(&class).ok_or_else(|| not_found(&class, key))?;
            props.extend(more.clone());
            let (class, may_block) = (plugin.info.class.to_string(), plugin.info.may_block);
            Ok(Named { class, may_block, inner: plugin.create(&props)? })
        };
        let (class, header_props) =
            converter_props(props, worker, HEADER_CONVERTER, ConverterType::Header)
                .unwrap_or_else(|| ("SimpleHeaderConverter".to_owned(), Props::new()));
        let plugin = plugins
            .find_header_converter(&class)
            .ok_or_else(|| not_found(&class, HEADER_CONVERTER))?;
        Ok(Self {
            steps: steps(plugins, props)?,
            key: converter(KEY_CONVERTER, ConverterType::Key)?,
            value: converter(VALUE_CONVERTER, ConverterType::Value)?,
            header: Named {
                class: plugin.info.class.to_string(),
                may_block: plugin.info.may_block,
                inner: plugin.create(&header_props)?,
            },
        })
    }

    /// Whether any of the stages that [`Stages::build`] would make may wait for something.
    pub(crate) fn may_block(plugins: &PluginRegistry, props: &Props, worker: &Props) -> bool {
        let converter = |key: &str, type_| {
            let (class, _) = converter_props(props, worker, key, type_)?;
            PluginKind::of_converter(key).find(plugins, &class)
        };
        let stage = |kind: PluginKind, list: &str, name: &str| {
            let class = props.get(&format!("{list}.{name}.type"))?;
            kind.find(plugins, class.trim())
        };
        let converters = [
            converter(KEY_CONVERTER, ConverterType::Key),
            converter(VALUE_CONVERTER, ConverterType::Value),
            converter(HEADER_CONVERTER, ConverterType::Header),
        ];
        let transformations = stages(props, TRANSFORMS);
        let transformations =
            transformations.iter().map(|name| stage(PluginKind::Transformation, TRANSFORMS, name));
        let predicates = stages(props, PREDICATES);
        let predicates =
            predicates.iter().map(|name| stage(PluginKind::Predicate, PREDICATES, name));
        let mut all = converters.into_iter().chain(transformations).chain(predicates).flatten();
        all.any(|info| info.may_block)
    }

    /// The transformations in order.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Applies all transformations until one drops the record.
    pub(crate) fn transform(
        &mut self,
        record: &mut ConnectRecord,
        watch: &mut impl Watch,
    ) -> Result<Fate, Failure> {
        for step in &mut self.steps {
            let failed =
                |error| Failure { stage: Stage::Transformation, class: step.class.clone(), error };
            if let Some(condition) = &mut step.condition
                && condition.test.test(record).map_err(failed)? == condition.negate
            {
                watch.skipped();
                continue;
            }
            match step.transformation.apply(record).map_err(failed)? {
                Fate::Keep => watch.applied(Some(record)),
                Fate::Drop => {
                    watch.applied(None);
                    return Ok(Fate::Drop);
                }
            }
        }
        Ok(Fate::Keep)
    }
}

fn steps(plugins: &PluginRegistry, props: &Props) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for name in stages(props, TRANSFORMS) {
        let own = stage_props(props, &format!("{TRANSFORMS}.{name}."));
        let key = format!("{TRANSFORMS}.{name}.type");
        let class = own.get("type").ok_or_else(|| missing(&key))?.trim();
        let plugin = plugins.find_transformation(class).ok_or_else(|| not_found(class, &key))?;
        let condition = match own.get("predicate").map(|name| name.trim()) {
            None => None,
            Some(predicate) => Some(Condition {
                test: build_predicate(plugins, props, predicate)?,
                negate: own.get("negate").is_some_and(|n| n.trim().eq_ignore_ascii_case("true")),
                predicate: predicate.to_owned(),
            }),
        };
        steps.push(Step {
            name: name.to_owned(),
            class: plugin.info.class.to_string(),
            transformation: plugin.create(&own)?,
            condition,
        });
    }
    Ok(steps)
}

fn build_predicate(
    plugins: &PluginRegistry,
    props: &Props,
    name: &str,
) -> Result<Box<dyn Predicate>> {
    let own = stage_props(props, &format!("{PREDICATES}.{name}."));
    let key = format!("{PREDICATES}.{name}.type");
    let class = own.get("type").ok_or_else(|| missing(&key))?.trim();
    let plugin = plugins.find_predicate(class).ok_or_else(|| not_found(class, &key))?;
    plugin.create(&own)
}

fn missing(key: &str) -> Error {
    Error::config(format!("Missing required configuration \"{key}\" which has no default value."))
}

fn not_found(class: &str, key: &str) -> Error {
    Error::config(format!(
        "Invalid value {class} for configuration {key}: Class {class} could not be found."
    ))
}
