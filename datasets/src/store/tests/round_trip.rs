//! What goes in comes out: sorted, clamped, drawn; whole or not at all.

use proptest::prelude::*;

use super::*;

fn lifelog(rows: &[(u32, i32, Option<i64>)]) -> DataFrame {
    frame(
        "lifelog_daily",
        vec![
            ("pid", ints(&rows.iter().map(|r| i64::from(r.0)).collect::<Vec<_>>())),
            ("date", ints(&rows.iter().map(|r| i64::from(r.1)).collect::<Vec<_>>())),
            ("steps", ints(&rows.iter().map(|r| r.2).collect::<Vec<_>>())),
        ],
    )
}

const LIFELOG: &str = "SELECT pid, draw, date - DATE '1970-01-01', steps FROM lifelog_daily";
/// Place of lifelog_daily in the catalogue.
const PLACE: u32 = 6;

fn expected(persons: &[Person], rows: &[(u32, i32, Option<i64>)]) -> Vec<Vec<Option<i128>>> {
    let (first, last) = (day(2008, 4, 1), day(2036, 3, 31));
    let mut rows: Vec<_> =
        rows.iter().map(|(p, d, s)| (*p, (*d).clamp(first, last), s.map(|s| s.clamp(0, 50_000)))).collect();
    rows.sort();
    let mut ordinal = 0;
    let mut previous = None;
    let mut out = Vec::new();
    for (pid, date, steps) in rows {
        ordinal = if previous == Some(pid) { ordinal + 1 } else { 0 };
        previous = Some(pid);
        let draw = draw(persons[usize::try_from(pid).unwrap()].id, PLACE << 26 | ordinal);
        out.push(vec![Some(i128::from(pid)), Some(i128::from(draw)), Some(i128::from(date)), steps.map(i128::from)]);
    }
    out
}

#[test]
fn every_type_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let persons = persons(3);
    let act = frame(
        "act",
        vec![
            ("pid", ints(&[2, 0])),
            ("service_date", ints(&[i64::from(day(2024, 5, 2)), i64::from(day(2024, 5, 1))])),
            ("kind", ints(&[1, 0])),
            ("code", texts(&[Some("622098501"), Some("111000110")])),
            ("yj", texts(&[Some("2189015F2054"), None])),
            ("quantity", ints(&[1_500, 1_000])),
            ("points", ints(&[16, 291])),
            ("supply_days", ints(&[Some(28), None])),
        ],
    );
    let claim = frame(
        "claim",
        vec![
            ("pid", ints(&[1])),
            // A day within the month becomes the month.
            ("month", ints(&[i64::from(day(2024, 5, 17))])),
            ("type", ints(&[3])),
            ("setting", ints(&[1])),
            ("days", ints(&[40])),
            ("points_billed", ints(&[-5])),
            ("points", ints(&[99_000_000])),
            ("facility", ints(&[i64::MAX])),
        ],
    );
    let diagnosis = frame(
        "diagnosis",
        vec![
            ("pid", ints(&[1])),
            ("month", ints(&[i64::from(day(2024, 5, 1))])),
            ("code", texts(&[Some("2500015")])),
            ("icd10", texts(&[Some("E11")])),
            ("outcome", ints(&[77])),
            ("main", ints(&[1])),
            ("suspected", ints(&[0])),
        ],
    );
    let staged =
        try_load(dir.path(), &persons, vec![("act", act), ("claim", claim), ("diagnosis", diagnosis)]).unwrap();
    let digest = staged.digest;
    let moved = |t: &str, c: &str| staged.moved.get(&(t.to_owned(), c.to_owned())).copied();
    let one = Some(Moved { values: 1, rows: 1 });
    for column in ["month", "days", "points_billed", "points"] {
        assert_eq!(moved("claim", column), one, "{column}");
    }
    assert_eq!(moved("diagnosis", "outcome"), one);
    assert_eq!(moved("claim", "facility"), None);
    assert_eq!(moved("act", "quantity"), None);
    let path = staged.publish("first").unwrap();
    assert_eq!(files(dir.path()), std::slice::from_ref(&path));
    let store = open_at(&path);
    assert_eq!(store.contents_digest(), digest);
    assert_eq!(store.linkage_index(), 1);
    assert_eq!(store.catalogue_digest(), Catalogue::builtin().unwrap().digest());

    let intent = intent();
    let get = |sql: &str| store.integers(sql, &intent).unwrap();
    let row = |values: &[i128]| values.iter().map(|v| Some(*v)).collect::<Vec<_>>();
    let d = |y, m, n| i128::from(day(y, m, n));
    assert_eq!(
        get(
            "SELECT pid, service_date - DATE '1970-01-01', kind, code::BIGINT, length(yj), quantity, points, supply_days FROM act"
        ),
        vec![
            vec![Some(0), Some(d(2024, 5, 1)), Some(0), Some(111_000_110), None, Some(1000), Some(291), None],
            row(&[2, d(2024, 5, 2), 1, 622_098_501, 12, 1500, 16, 28]),
        ]
    );
    assert_eq!(
        get("SELECT month - DATE '1970-01-01', type, setting, days, points_billed, points, facility FROM claim"),
        vec![row(&[d(2024, 5, 1), 3, 1, 31, 0, 20_000_000, i128::from(i64::MAX)])]
    );
    assert_eq!(
        get(
            "SELECT outcome, main::INTEGER, suspected::INTEGER, start_date - DATE '1970-01-01', (icd10 = 'E11')::INTEGER FROM diagnosis"
        ),
        vec![vec![Some(4), Some(1), Some(0), None, Some(1)]]
    );
    assert_eq!(
        get("SELECT pid, sex, birth_ym - DATE '1970-01-01' FROM person"),
        // birth_ym is moved to the month's first day too.
        (0..3)
            .map(|i: i32| row(&[i.into(), (i % 2).into(), d(1980, 1 + i8::try_from(i).unwrap(), 1)]))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        get("SELECT count(*), sum(points)::HUGEINT * 1000000000000000000000 FROM act"),
        vec![row(&[2, 307_000_000_000_000_000_000_000])]
    );
    assert_eq!(get("SELECT count(*) FROM enrolment"), vec![row(&[0])]);

    let previous = store.previous_identities().unwrap();
    let seen: Vec<_> = previous.iter().map(|p| (&*p.source, p.sequence, p.ident, p.person)).collect();
    assert_eq!(seen, [("kenpo", 1, 5, persons[2].id), ("kokuho", 2, 0, persons[0].id)]);
}

#[test]
fn the_file_is_private_and_no_log_lies_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = try_load(dir.path(), &persons(1), vec![]).unwrap().publish("s").unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut wal = path.clone().into_os_string();
    wal.push(".wal");
    std::fs::write(&wal, b"").unwrap();
    let opened = Store::open(&path, &dir.path().join("spill"), 128);
    assert!(matches!(opened, Err(StoreError::NotASnapshot)));
}

#[test]
fn what_is_no_code_is_emptied_and_is_not_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let frame = frame(
        "diagnosis",
        vec![
            ("pid", ints(&[0, 0, 0])),
            ("month", ints(&[19_000; 3])),
            ("code", texts(&[Some("canary-free-text-9321"), Some("架空太郎"), Some("2500015")])),
            ("icd10", texts(&[Some("CANARY-9321"), Some("E11"), Some("E11.9")])),
            ("main", ints(&[0; 3])),
            ("suspected", ints(&[0; 3])),
        ],
    );
    let staged = try_load(dir.path(), &persons(1), vec![("diagnosis", frame)]).unwrap();
    let key = ("diagnosis".to_owned(), "code".to_owned());
    assert_eq!(staged.moved[&key], Moved { values: 2, rows: 3 });
    // Questions for `E11.9` are refused: it may not be in the store, nor any other code of no ICD-10 form.
    let key = ("diagnosis".to_owned(), "icd10".to_owned());
    assert_eq!(staged.moved[&key], Moved { values: 2, rows: 3 });
    let path = staged.publish("s").unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for canary in ["canary-free", "CANARY-9321", "架空"] {
        assert!(!bytes.windows(canary.len()).any(|w| w == canary.as_bytes()));
    }
    let sql = "SELECT length(code), length(icd10) FROM diagnosis ORDER BY 1, 2";
    let rows = open_at(&path).integers(sql, &intent()).unwrap();
    assert_eq!(rows, [[Some(0), Some(0)], [Some(0), Some(3)], [Some(7), Some(0)]]);
}

#[test]
fn a_load_that_fails_half_way_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let people = persons(2);
    let good = || lifelog(&[(0, 20_000, Some(1)), (1, 20_000, Some(2))]);
    // enrolment's rows are stored before lifelog's stray one is found.
    let stray = lifelog(&[(0, 20_000, Some(1)), (2, 20_000, Some(2))]);
    let error = try_load(dir.path(), &people, vec![("lifelog_daily", stray)]).unwrap_err();
    let StoreError::UnknownPerson { row: 1, persons: 2, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());

    let failing = |_: u128, ordinal: u32| if ordinal & 1 == 1 { panic!("planned") } else { 0 };
    let result = load(
        dir.path(),
        Load {
            persons: &people,
            tables: [("lifelog_daily".to_owned(), lifelog(&[(0, 1, None), (0, 2, None)]))].into(),
            identities: identities(&[]),
            draws: &failing,
            receipt: &linkage(),
        },
        &Catalogue::builtin().unwrap(),
        &|_| (),
    );
    assert!(matches!(result, Err(StoreError::Engine { .. })));
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());

    drop(try_load(dir.path(), &people, vec![("lifelog_daily", good())]).unwrap());
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
}

#[test]
fn killed_loads_are_swept_and_running_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join(".load-1-0");
    std::fs::create_dir(&dead).unwrap();
    std::fs::write(dead.join("lock"), b"").unwrap();
    std::fs::write(dead.join("snapshot"), b"rows").unwrap();
    let running = try_load(dir.path(), &persons(1), vec![]).unwrap();
    assert!(!dead.exists());
    let second = try_load(dir.path(), &persons(1), vec![]).unwrap();
    running.publish("a").unwrap();
    second.publish("b").unwrap();
    assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = try_load(dir.path(), &persons(1), vec![]).unwrap().publish("s").unwrap();
    let before = std::fs::read(&path).unwrap();
    let again = try_load(dir.path(), &persons(2), vec![]).unwrap().publish("s");
    assert!(matches!(again, Err(StoreError::Exists)));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(files(dir.path()), [path]);
    for name in ["", ".s", "../s", "a/b", "名", "a b", "a\0"] {
        let staged = try_load(dir.path(), &persons(1), vec![]).unwrap();
        assert!(matches!(staged.publish(name), Err(StoreError::BadName)), "{name}");
    }
}

#[test]
fn wrong_inputs_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let mut twins = persons(2);
    twins[1].id = twins[0].id;
    assert!(matches!(try_load(dir.path(), &twins, vec![]), Err(StoreError::SamePerson)));
    let person = frame("person", vec![("pid", ints(&[0])), ("sex", ints(&[0])), ("birth_ym", ints(&[0]))]);
    let error = try_load(dir.path(), &persons(1), vec![("person", person)]);
    assert!(matches!(error, Err(StoreError::UnknownTable { position: 1 })));
    let other = lifelog(&[]);
    assert!(matches!(try_load(dir.path(), &persons(1), vec![("claim", other)]), Err(StoreError::Shape(_))));
    let result = load(
        dir.path(),
        Load {
            persons: &persons(1),
            tables: BTreeMap::new(),
            identities: identities(&[]),
            draws: &draw,
            receipt: &receipt(&[policy_event()]),
        },
        &catalogue,
        &|_| (),
    );
    assert!(matches!(result, Err(StoreError::WrongReceipt { expected: "linkage" })));
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Law: the store holds the clamped rows, sorted, with the draws of their ordinals; the order in which rows
    /// come changes nothing, not even the digest; another value changes the digest.
    #[test]
    fn contents_do_not_depend_on_the_order_of_rows(
        rows in prop::collection::vec((0u32..4, 10_000i32..30_000, prop::option::of(-10i64..60_000)), 1..60),
        seed in any::<u64>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let people = persons(4);
        let first = try_load(dir.path(), &people, vec![("lifelog_daily", lifelog(&rows))]).unwrap();
        let digest = first.digest;
        let path = first.publish("a").unwrap();
        let stored = open_at(&path).integers(LIFELOG, &intent()).unwrap();
        prop_assert_eq!(stored, expected(&people, &rows));

        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|r| sha256(format!("{seed}{r:?}").as_bytes()));
        let second = try_load(dir.path(), &people, vec![("lifelog_daily", lifelog(&shuffled))]).unwrap();
        prop_assert_eq!(second.digest, digest);

        shuffled[0].2 = match shuffled[0].2 { Some(s) if s > 0 => None, _ => Some(17) };
        let third = try_load(dir.path(), &people, vec![("lifelog_daily", lifelog(&shuffled))]).unwrap();
        prop_assert_ne!(third.digest, digest);
    }
}
