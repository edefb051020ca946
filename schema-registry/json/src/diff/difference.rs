//! The differences that make two schemas incompatible, and how they are told.

use std::borrow::Cow;

/// How strict a comparison is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// What a writer may add to an object counts.
    #[default]
    Strict,
    /// Objects have the properties that their schemas know, and no others.
    Lenient,
}

/// A difference and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub kind: DifferenceKind,
    /// Where, as `#/properties/a`.
    pub path: String,
}

impl Difference {
    pub(super) fn new(kind: DifferenceKind, path: &[Cow<'_, str>]) -> Self {
        Self { kind, path: format!("#/{}", path.join("/")) }
    }

    /// The sentence that Confluent's registry says, with names for the two schemas.
    #[must_use]
    pub fn sentence(&self, reader: &str, writer: &str) -> String {
        let path = &self.path;
        let description = match self.kind.family() {
            Family::KeywordAdded => format!(
                "The keyword at path '{path}' in the {reader} schema is not present in the \
                 {writer} schema"
            ),
            Family::ValueIncreased => format!(
                "The value at path '{path}' in the {reader} schema is more than its value in the \
                 {writer} schema"
            ),
            Family::ValueDecreased => format!(
                "The value at path '{path}' in the {reader} schema is less than its value in the \
                 {writer} schema"
            ),
            Family::ValueChanged => format!(
                "The value at path '{path}' is different between the {reader} and {writer} schema"
            ),
            Family::TypeNarrowed => format!(
                "An array or combined type at path '{path}' has fewer elements in the {reader} \
                 schema than the {writer} schema"
            ),
            Family::TypeExtended => format!(
                "An array or combined type at path '{path}' has more elements in the {reader} \
                 schema than the {writer} schema"
            ),
            Family::TypeChanged => format!(
                "A type at path '{path}' is different between the {reader} schema and the \
                 {writer} schema"
            ),
            Family::AddedToOpen => format!(
                "The {reader} schema has an open content model and has a property or item at path \
                 '{path}' which is missing in the {writer} schema"
            ),
            Family::RequiredAddedToUnopen => format!(
                "The {reader} schema has an unopen content model and has a required property at \
                 path '{path}' which is missing in the {writer} schema"
            ),
            Family::RemovedFromClosed => format!(
                "The {reader} has a closed content model and is missing a property or item \
                 present at path '{path}' in the {writer} schema"
            ),
            Family::RemovedNotCovered => format!(
                "A property or item is missing in the {reader} schema but present at path \
                 '{path}' in the {writer} schema and is not covered by its partially open content \
                 model"
            ),
            Family::AddedNotCovered => format!(
                "The {reader} schema has a property or item at path '{path}' which is missing in \
                 the {writer} schema and is not covered by its partially open content model"
            ),
            Family::TooComplex => format!(
                "The {reader} schema and the {writer} schema are too complex at path '{path}' to \
                 be compared"
            ),
            Family::Untold => String::new(),
        };
        // The quotation marks are the registry's.
        format!("{{errorType:\"{}\", description:\"{description}'}}", self.kind.name())
    }
}

/// Kinds of differences that are told alike.
#[derive(Clone, Copy)]
enum Family {
    KeywordAdded,
    ValueIncreased,
    ValueDecreased,
    ValueChanged,
    TypeNarrowed,
    TypeExtended,
    TypeChanged,
    AddedToOpen,
    RequiredAddedToUnopen,
    RemovedFromClosed,
    RemovedNotCovered,
    AddedNotCovered,
    TooComplex,
    Untold,
}

macro_rules! kinds {
    ($($kind:ident $name:literal $family:ident $lenient:literal $meaning:literal;)+) => {
        /// What differs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DifferenceKind {
            $(#[doc = $meaning] $kind,)+
        }

        impl DifferenceKind {
            /// The `errorType` of Confluent's registry.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            fn family(self) -> Family {
                match self { $(Self::$kind => Family::$family,)+ }
            }

            /// Whether it makes no schemas incompatible under a policy.
            #[must_use]
            pub fn is_compatible(self, policy: Policy) -> bool {
                policy == Policy::Lenient && match self { $(Self::$kind => $lenient,)+ }
            }
        }
    };
}

kinds! {
    SchemaAdded "SCHEMA_ADDED" Untold false "A schema stands where there was none.";
    SchemaTooComplex "SCHEMA_TOO_COMPLEX" TooComplex false "The comparison was given up.";
    TypeNarrowed "TYPE_NARROWED" TypeChanged false "Numbers have to be whole.";
    TypeChanged "TYPE_CHANGED" TypeChanged false "The type is another.";
    MaxLengthAdded "MAX_LENGTH_ADDED" KeywordAdded false "`maxLength` is new.";
    MaxLengthDecreased "MAX_LENGTH_DECREASED" ValueDecreased false "`maxLength` is less.";
    MinLengthAdded "MIN_LENGTH_ADDED" KeywordAdded false "`minLength` is new.";
    MinLengthIncreased "MIN_LENGTH_INCREASED" ValueIncreased false "`minLength` is more.";
    PatternAdded "PATTERN_ADDED" KeywordAdded false "`pattern` is new.";
    PatternChanged "PATTERN_CHANGED" ValueChanged false "`pattern` is another.";
    MaximumAdded "MAXIMUM_ADDED" KeywordAdded false "`maximum` is new.";
    MaximumDecreased "MAXIMUM_DECREASED" ValueDecreased false "`maximum` is less.";
    MinimumAdded "MINIMUM_ADDED" KeywordAdded false "`minimum` is new.";
    MinimumIncreased "MINIMUM_INCREASED" ValueIncreased false "`minimum` is more.";
    ExclusiveMaximumAdded "EXCLUSIVE_MAXIMUM_ADDED" KeywordAdded false
        "`exclusiveMaximum` is new.";
    ExclusiveMaximumDecreased "EXCLUSIVE_MAXIMUM_DECREASED" ValueDecreased false
        "`exclusiveMaximum` is less.";
    ExclusiveMinimumAdded "EXCLUSIVE_MINIMUM_ADDED" KeywordAdded false
        "`exclusiveMinimum` is new.";
    ExclusiveMinimumIncreased "EXCLUSIVE_MINIMUM_INCREASED" ValueIncreased false
        "`exclusiveMinimum` is more.";
    MultipleOfAdded "MULTIPLE_OF_ADDED" KeywordAdded false "`multipleOf` is new.";
    MultipleOfExpanded "MULTIPLE_OF_EXPANDED" ValueIncreased false
        "`multipleOf` is a multiple of what it was.";
    MultipleOfChanged "MULTIPLE_OF_CHANGED" ValueChanged false "`multipleOf` is another.";
    RequiredAttributeAdded "REQUIRED_ATTRIBUTE_ADDED" KeywordAdded false
        "A property is required that was not.";
    MaxPropertiesAdded "MAX_PROPERTIES_ADDED" KeywordAdded false "`maxProperties` is new.";
    MaxPropertiesDecreased "MAX_PROPERTIES_DECREASED" ValueDecreased false
        "`maxProperties` is less.";
    MinPropertiesAdded "MIN_PROPERTIES_ADDED" KeywordAdded false "`minProperties` is new.";
    MinPropertiesIncreased "MIN_PROPERTIES_INCREASED" ValueIncreased false
        "`minProperties` is more.";
    AdditionalPropertiesRemoved "ADDITIONAL_PROPERTIES_REMOVED" KeywordAdded true
        "More properties than those named are no longer admitted.";
    AdditionalPropertiesNarrowed "ADDITIONAL_PROPERTIES_NARROWED" TypeNarrowed true
        "Properties that are not named need to fit a schema.";
    DependencyArrayAdded "DEPENDENCY_ARRAY_ADDED" KeywordAdded false
        "A property requires others.";
    DependencyArrayExtended "DEPENDENCY_ARRAY_EXTENDED" TypeExtended false
        "A property requires more others.";
    DependencyArrayChanged "DEPENDENCY_ARRAY_CHANGED" ValueChanged false
        "A property requires other properties.";
    DependencySchemaAdded "DEPENDENCY_SCHEMA_ADDED" KeywordAdded false
        "A property requires that its object fits a schema.";
    RequiredPropertyAddedToOpenContentModel "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
        AddedToOpen false "A required property is named that may have been anything.";
    RequiredPropertyWithDefaultAddedToOpenContentModel
        "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL" AddedToOpen true
        "A required property with a default is named that may have been anything.";
    OptionalPropertyAddedToOpenContentModel "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
        AddedToOpen true "A property is named that may have been anything.";
    RequiredPropertyAddedToUnopenContentModel "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL"
        RequiredAddedToUnopen false "A property is required that could not be there.";
    PropertyRemovedFromClosedContentModel "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL"
        RemovedFromClosed true "A property is no longer admitted.";
    PropertyRemovedNotCoveredByPartiallyOpenContentModel
        "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" RemovedNotCovered true
        "A property that is no longer named does not fit the schema for such.";
    PropertyAddedNotCoveredByPartiallyOpenContentModel
        "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" AddedNotCovered true
        "A property is named whose schema does not admit what there could be.";
    UnevaluatedPropertiesRemoved "UNEVALUATED_PROPERTIES_REMOVED" KeywordAdded true
        "Properties that no schema has seen are no longer admitted.";
    UnevaluatedPropertiesNarrowed "UNEVALUATED_PROPERTIES_NARROWED" TypeNarrowed true
        "Properties that no schema has seen need to fit one.";
    MaxItemsAdded "MAX_ITEMS_ADDED" KeywordAdded false "`maxItems` is new.";
    MaxItemsDecreased "MAX_ITEMS_DECREASED" ValueDecreased false "`maxItems` is less.";
    MinItemsAdded "MIN_ITEMS_ADDED" KeywordAdded false "`minItems` is new.";
    MinItemsIncreased "MIN_ITEMS_INCREASED" ValueIncreased false "`minItems` is more.";
    MaxContainsAdded "MAX_CONTAINS_ADDED" KeywordAdded false "`maxContains` is new.";
    MaxContainsDecreased "MAX_CONTAINS_DECREASED" ValueDecreased false "`maxContains` is less.";
    MinContainsAdded "MIN_CONTAINS_ADDED" KeywordAdded false "`minContains` is new.";
    MinContainsIncreased "MIN_CONTAINS_INCREASED" ValueIncreased false "`minContains` is more.";
    UniqueItemsAdded "UNIQUE_ITEMS_ADDED" KeywordAdded false "`uniqueItems` is new.";
    AdditionalItemsRemoved "ADDITIONAL_ITEMS_REMOVED" KeywordAdded false
        "Items behind the tuple are no longer admitted.";
    AdditionalItemsNarrowed "ADDITIONAL_ITEMS_NARROWED" TypeNarrowed false
        "Items behind the tuple need to fit a schema.";
    UnevaluatedItemsRemoved "UNEVALUATED_ITEMS_REMOVED" KeywordAdded false
        "Items that no schema has seen are no longer admitted.";
    UnevaluatedItemsNarrowed "UNEVALUATED_ITEMS_NARROWED" TypeNarrowed false
        "Items that no schema has seen need to fit one.";
    ItemAddedToOpenContentModel "ITEM_ADDED_TO_OPEN_CONTENT_MODEL" AddedToOpen false
        "An item has a schema that may have been anything.";
    ItemRemovedFromClosedContentModel "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL" RemovedFromClosed
        false "An item is no longer admitted.";
    ItemRemovedNotCoveredByPartiallyOpenContentModel
        "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" RemovedNotCovered false
        "An item without a schema of its own does not fit the schema for such.";
    ItemAddedNotCoveredByPartiallyOpenContentModel
        "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" AddedNotCovered false
        "An item has a schema that does not admit what there could be.";
    EnumArrayNarrowed "ENUM_ARRAY_NARROWED" TypeNarrowed false "Values are no longer admitted.";
    EnumArrayChanged "ENUM_ARRAY_CHANGED" TypeChanged false "Other values are admitted.";
    CombinedTypeChanged "COMBINED_TYPE_CHANGED" TypeChanged false
        "Schemas are combined in a stricter way.";
    ProductTypeExtended "PRODUCT_TYPE_EXTENDED" TypeExtended false "`allOf` has more schemas.";
    SumTypeNarrowed "SUM_TYPE_NARROWED" TypeNarrowed false
        "`anyOf` or `oneOf` has fewer schemas.";
    CombinedTypeSubschemasChanged "COMBINED_TYPE_SUBSCHEMAS_CHANGED" TypeChanged false
        "Schemas that are combined have no counterpart.";
    NotTypeExtended "NOT_TYPE_EXTENDED" TypeExtended false "`not` refuses more.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_the_registrys() {
        let sentence = |kind, path: &[&str]| {
            let path: Vec<Cow<'_, str>> = path.iter().map(|step| Cow::from(*step)).collect();
            Difference::new(kind, &path).sentence("new", "old")
        };
        assert_eq!(
            sentence(DifferenceKind::TypeChanged, &["properties", "a"]),
            "{errorType:\"TYPE_CHANGED\", description:\"A type at path '#/properties/a' is \
             different between the new schema and the old schema'}"
        );
        assert_eq!(
            sentence(DifferenceKind::PropertyRemovedFromClosedContentModel, &["properties", "%s"]),
            "{errorType:\"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL\", description:\"The new has \
             a closed content model and is missing a property or item present at path \
             '#/properties/%s' in the old schema'}"
        );
        assert_eq!(
            sentence(DifferenceKind::SchemaAdded, &[]),
            "{errorType:\"SCHEMA_ADDED\", description:\"'}"
        );
    }

    #[test]
    fn policies_differ_in_content_models_alone() {
        let lenient = |kind: DifferenceKind| kind.is_compatible(Policy::Lenient);
        assert!(lenient(DifferenceKind::OptionalPropertyAddedToOpenContentModel));
        assert!(lenient(DifferenceKind::AdditionalPropertiesRemoved));
        assert!(!lenient(DifferenceKind::AdditionalItemsRemoved));
        assert!(!lenient(DifferenceKind::TypeChanged));
        assert!(!DifferenceKind::AdditionalPropertiesRemoved.is_compatible(Policy::Strict));
    }
}
