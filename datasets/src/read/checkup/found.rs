//! One observation of a checkup as its file writes it, whichever the format. Nothing is converted yet.

use std::borrow::Cow;

use super::items::Item;

/// Whether and how something was measured; the codes are those of `checkup_item.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
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
    pub(super) const ALL: [Self; 7] =
        [Self::Measured, Self::NotDone, Self::NotMeasurable, Self::Below, Self::Above, Self::Other, Self::Text];

    pub(super) fn code(self) -> &'static str {
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
pub(super) enum Judgement {
    Low,
    Normal,
    High,
    Other,
}

impl Judgement {
    pub(super) const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Other];

    pub(super) fn of(code: &str) -> Self {
        match code {
            "L" => Self::Low,
            "N" => Self::Normal,
            "H" => Self::High,
            _ => Self::Other,
        }
    }

    pub(super) fn code(self) -> &'static str {
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
pub(super) struct Found<'a> {
    /// JLAC10, 17 characters.
    pub(super) code: Cow<'a, str>,
    pub(super) item: Option<Item>,
    pub(super) state: State,
    pub(super) number: Option<Cow<'a, str>>,
    pub(super) unit: Cow<'a, str>,
    pub(super) answer: Option<Cow<'a, str>>,
    /// OID of the answer's list.
    pub(super) system: Cow<'a, str>,
    pub(super) judgement: Option<Judgement>,
    /// Byte at which it begins.
    pub(super) at: usize,
}
