//! Arrows between crates only go down, or sideways where the plan says so.

use crate::house::{DOORS, HOUSE, House, Place};
use crate::problem::Problem;
use crate::tree::{Crate, Dependency, Kind, Tree};

/// Compares every manifest with the plan of the house.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    against(tree, &HOUSE)
}

fn against(tree: &Tree, house: &House<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for member in &tree.crates {
        let Some(place) = house.place(&member.name) else {
            let text = format!("`{}` has no floor: give it one in xtask/src/house.rs", member.name);
            problems.push(Problem::new(&member.manifest, 1, text));
            continue;
        };
        let own = |dependency: &&Dependency| {
            tree.crates.iter().any(|other| other.name == dependency.name)
        };
        for dependency in member.dependencies.iter().filter(own) {
            // A target without a place is reported at its own manifest.
            let Some(target) = house.place(&dependency.name) else { continue };
            if let Some(why) = house.objection(member, place, dependency, target) {
                let line = line_of(tree, member, &dependency.name);
                problems.push(Problem::new(&member.manifest, line, why));
            }
        }
    }
    problems
}

impl House<'_> {
    fn place(&self, name: &str) -> Option<Place> {
        self.rooms.iter().find(|(room, _)| *room == name).map(|(_, place)| *place)
    }

    /// Why the arrow is not allowed; `None` when it is.
    fn objection(
        &self,
        from: &Crate,
        from_place: Place,
        to: &Dependency,
        to_place: Place,
    ) -> Option<String> {
        let arrow = (from.name.as_str(), to.name.as_str());
        let names = format!("`{}` may not depend on `{}`", arrow.0, arrow.1);
        if let Some((_, _, why)) = self.walls.iter().find(|(a, b, _)| (*a, *b) == arrow) {
            return (to.kind != Kind::Dev).then(|| format!("{names}: {why}"));
        }
        if self.foundation.contains(&arrow.1) || self.sideways.contains(&arrow) {
            return None;
        }
        let why = match to.kind {
            Kind::Dev => for_tests(from_place, to_place),
            Kind::Normal | Kind::Build => for_product(from_place, to_place),
        };
        why.map(|why| format!("{names}: {why}"))
    }
}

fn for_product(from: Place, to: Place) -> Option<String> {
    match (from, to) {
        (_, Place::Beside { .. }) => Some("it lives beside the house".to_owned()),
        (Place::Floor(from), Place::Floor(to)) if from < to => {
            Some(format!("an arrow from floor {from} up to floor {to}"))
        }
        (Place::Floor(from), Place::Floor(to)) if from == to => {
            Some(format!("an undeclared sideways arrow on floor {from}"))
        }
        (Place::Floor(_), Place::Floor(_)) => None,
        (Place::Beside { reach }, Place::Floor(to)) => {
            (reach < Some(to)).then(|| format!("it may not reach up to floor {to}"))
        }
    }
}

/// Tests may use any room and what lives beside the house. Only a door's own tests, and those
/// beside, use a door: a room that needs one to test itself promises what it does not hold.
fn for_tests(from: Place, to: Place) -> Option<String> {
    match (from, to) {
        (Place::Floor(from), Place::Floor(DOORS)) if from < DOORS => {
            Some("not even for tests: a room is tested without the doors".to_owned())
        }
        (Place::Floor(_), Place::Floor(_)) | (_, Place::Beside { .. }) => None,
        (Place::Beside { .. }, Place::Floor(_)) => for_product(from, to),
    }
}

/// The line of the manifest that names `dependency`.
fn line_of(tree: &Tree, member: &Crate, dependency: &str) -> usize {
    let names = |line: &str| {
        line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    let manifest = tree.document(&member.manifest);
    manifest.and_then(|manifest| manifest.text.lines().position(names)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, member, places};

    const PLAN: House<'_> = House {
        rooms: &[
            ("fault", Place::Floor(0)),
            ("schema", Place::Floor(0)),
            ("otlp", Place::Floor(0)),
            ("wal", Place::Floor(1)),
            ("gateway", Place::Floor(2)),
            ("query", Place::Floor(2)),
            ("api", Place::Floor(3)),
            ("simulator", Place::Beside { reach: Some(1) }),
            ("xtask", Place::Beside { reach: None }),
        ],
        foundation: &["fault"],
        sideways: &[("otlp", "schema")],
        walls: &[("gateway", "wal", "never waits")],
    };

    /// The one problem of an arrow in the plan above.
    fn objection(from: &str, to: &str, kind: Kind) -> Option<String> {
        let mut crates: Vec<_> = PLAN.rooms.iter().map(|(name, _)| member(name, &[])).collect();
        crates.push(member(from, &[(to, kind)]));
        let tree = Tree { crates, ..Tree::default() };
        against(&tree, &PLAN).pop().map(|problem| problem.text)
    }

    #[test]
    fn downward_declared_and_foundation_arrows_are_allowed() {
        for (from, to) in [
            ("wal", "schema"),
            ("api", "gateway"),
            ("otlp", "schema"),
            ("schema", "fault"),
            ("simulator", "wal"),
            ("api", "serde"),
        ] {
            assert_eq!(objection(from, to, Kind::Normal), None, "{from} to {to}");
        }
    }

    #[test]
    fn other_arrows_fail_and_name_both_crates() {
        for (from, to, why) in [
            ("schema", "wal", "floor 0 up to floor 1"),
            ("gateway", "api", "floor 2 up to floor 3"),
            ("gateway", "query", "sideways arrow on floor 2"),
            ("schema", "otlp", "sideways arrow on floor 0"),
            ("gateway", "wal", "never waits"),
            ("api", "simulator", "beside the house"),
            ("simulator", "gateway", "reach up to floor 2"),
            ("xtask", "schema", "reach up to floor 0"),
        ] {
            for kind in [Kind::Normal, Kind::Build] {
                let text = objection(from, to, kind).unwrap();
                let names =
                    text.contains(&format!("`{from}`")) && text.contains(&format!("`{to}`"));
                assert!(names && text.contains(why), "{text}");
            }
        }
    }

    #[test]
    fn tests_may_use_any_room_but_not_the_doors() {
        for (from, to) in [("schema", "wal"), ("gateway", "query"), ("gateway", "simulator")] {
            assert_eq!(objection(from, to, Kind::Dev), None);
        }
        assert!(objection("gateway", "api", Kind::Dev).is_some());
        assert!(objection("schema", "api", Kind::Dev).is_some());
    }

    #[test]
    fn a_crate_without_a_floor_fails_at_its_manifest() {
        let tree = Tree { crates: vec![member("newcomer", &[])], ..Tree::default() };
        let problems = against(&tree, &PLAN);
        assert_eq!(places(&problems), [("crates/newcomer/Cargo.toml", 1)]);
        assert!(problems[0].text.contains("`newcomer`"));
    }

    #[test]
    fn a_problem_points_at_the_line_of_the_dependency() {
        let mut tree = files(&[(
            "crates/schema/Cargo.toml",
            "[package]\n\n[dependencies]\nwal-extra = \"1\"\nwal = { path = \"../wal\" }\n",
        )]);
        tree.crates = vec![member("schema", &[("wal", Kind::Normal)]), member("wal", &[])];
        assert_eq!(places(&against(&tree, &PLAN)), [("crates/schema/Cargo.toml", 5)]);
    }
}
