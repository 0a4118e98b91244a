//! SKELETON: to be written by its owner.

use super::checkups::Exam;
use super::out::Block;
use super::people::Person;
use super::run::World;
use super::traits::Traits;

pub(crate) fn write(_world: &World<'_>, _person: &Person, _traits: &Traits, _exams: &[Exam], _block: &mut Block) {}
