//! One observation of a checkup as its file writes it, whichever the format. Nothing is converted yet.

use std::borrow::Cow;

use super::items::Item;

/// Whether and how something was measured; the codes are those of `checkup_item.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::read) enum State {
    Measured,
    NotDone,
    NotMeasurable,
    Below,
    Above,
    #[default]
    Other,
    /// A finding in words, which is not taken.
    Text,
}

impl State {
    pub(in crate::read) const ALL: [Self; 7] =
        [Self::Measured, Self::NotDone, Self::NotMeasurable, Self::Below, Self::Above, Self::Other, Self::Text];

    pub(in crate::read) fn code(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::NotDone => "not_done",
            Self::NotMeasurable => "not_measurable",
            Self::Below => "below",
            Self::Above => "above",
            Self::Other | Self::Text => "other",
        }
    }
}

/// Against the sender's reference range; the codes are those of `checkup_item.judgement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::read) enum Judgement {
    Low,
    Normal,
    High,
    Other,
}

impl Judgement {
    pub(in crate::read) const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Other];

    pub(in crate::read) fn of(code: &str) -> Self {
        match code {
            "L" => Self::Low,
            "N" => Self::Normal,
            "H" => Self::High,
            _ => Self::Other,
        }
    }

    pub(in crate::read) fn code(self) -> &'static str {
        match self {
            Self::Low => "L",
            Self::Normal => "N",
            Self::High => "H",
            Self::Other => "other",
        }
    }
}

/// What was found for a code.
#[derive(Default)]
pub(in crate::read) struct Found<'a> {
    /// JLAC10, 17 characters.
    pub(in crate::read) code: Cow<'a, str>,
    pub(in crate::read) item: Option<Item>,
    pub(in crate::read) state: State,
    pub(in crate::read) number: Option<Cow<'a, str>>,
    pub(in crate::read) unit: Cow<'a, str>,
    pub(in crate::read) answer: Option<Cow<'a, str>>,
    /// OID of the answer's list.
    pub(in crate::read) system: Cow<'a, str>,
    pub(in crate::read) judgement: Option<Judgement>,
    /// Byte at which it begins.
    pub(in crate::read) at: usize,
}
