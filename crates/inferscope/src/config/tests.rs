use std::collections::BTreeMap;
use std::path::Path;

use fleet::Source;

use super::{Config, Flags, load};

fn read(text: &str) -> Result<Config, Vec<String>> {
    load(
        Some((Path::new("a.toml"), text)),
        &BTreeMap::new(),
        &Flags::default(),
        Path::new("/bin/inferscope"),
    )
}

fn problem(text: &str) -> String {
    read(text).expect_err("is refused").join("\n")
}

#[test]
fn without_a_file_everything_has_a_default() {
    let config =
        load(None, &BTreeMap::new(), &Flags::default(), Path::new("x")).expect("defaults are good");
    assert_eq!(config.listen, ["127.0.0.1:5080"]);
    assert!(config.endpoints.is_empty());
}

#[test]
fn the_documented_endpoints_are_read() {
    let config = read(
        r#"
        [[endpoint]]
        namespace = "default"
        name = "llama"
        model = "meta-llama/Llama-3.1-8B-Instruct"
        min_replicas = 2
        max_replicas = 4
        replicas = [{ url = "http://127.0.0.1:9001" }, { url = "http://127.0.0.1:9002" }]

        [[endpoint]]
        name = "mistral"
        model = "mistralai/Mistral-7B-Instruct-v0.3"
        min_replicas = 1
        max_replicas = 3
        process = { engine = "simulator" }
        "#,
    )
    .expect("is good");
    assert_eq!((config.endpoints[0].min_replicas, config.endpoints[0].max_replicas), (2, 4));
    assert!(matches!(&config.endpoints[0].source, Source::Urls(urls) if urls.len() == 2));
    assert_eq!(config.endpoints[1].namespace, "default");
    let Source::Process(process) = &config.endpoints[1].source else { panic!("a process") };
    assert_eq!(
        process.command[..4],
        ["/bin/inferscope", "simulate", "--listen", "127.0.0.1:{port}"]
    );
}

#[test]
fn a_bad_file_is_refused_with_its_line_and_what_is_allowed() {
    let text = problem("[server]\nlisten = [\"127.0.0.1:0\"]\nlissen = 3\n");
    assert!(
        text.contains("a.toml") && text.contains("line 3") && text.contains("`listen`"),
        "{text}"
    );
    assert!(problem("[query]\ntimeout_s = \"soon\"").contains("line 2"));
    assert!(
        problem("[[endpoint]]\nname = \"a\"\nmodel = \"m\"")
            .contains("either `replicas` or `process`")
    );
    assert!(problem("[query]\nconcurrent = 0\ntimeout_s = -1").contains("query.concurrent"));
}

#[test]
fn all_problems_are_told_at_once() {
    let problems = read("[query]\nconcurrent = 0\ntimeout_s = -1.0\n[server]\nlisten = []")
        .expect_err("is refused");
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn variables_win_over_the_file_and_flags_over_both() {
    let variables = BTreeMap::from([
        ("INFERSCOPE_QUERY_TIMEOUT_S".to_owned(), "5".to_owned()),
        ("INFERSCOPE_SERVER_DATA_DIR".to_owned(), "/var/lib/x".to_owned()),
    ]);
    let flags = Flags { data_dir: None, listen: vec!["[::1]:1".to_owned()] };
    let text = "[query]\ntimeout_s = 9.0\n[server]\nlisten = [\"127.0.0.1:2\"]";
    let config = load(Some((Path::new("a.toml"), text)), &variables, &flags, Path::new("x"))
        .expect("is good");
    assert_eq!(config.query.timeout.as_secs(), 5);
    assert_eq!(config.data_dir, Path::new("/var/lib/x"));
    assert_eq!(config.listen, ["[::1]:1"]);

    let unknown = BTreeMap::from([("INFERSCOPE_QUERRY_X".to_owned(), "1".to_owned())]);
    let problems = load(None, &unknown, &Flags::default(), Path::new("x")).expect_err("is refused");
    assert!(problems[0].contains("INFERSCOPE_QUERRY_X"));
}

#[test]
fn privacy_is_read_stream_by_stream() {
    use redaction::Capture;
    let text = r#"
        [privacy]
        capture = "redacted"
        rule = [{ name = "project", pattern = "(?i)project [a-z]+" }]
        stream = [{ stream = "open", capture = "full" }, { org = "team", capture = "none" }]
    "#;
    let privacy = read(text).expect("is good").ingest.privacy;
    let table = |org: &str, stream| {
        schema::Table::new(org.parse().expect("a name"), schema::Kind::Traces, stream)
    };
    assert_eq!(privacy.of(&table("default", "default")).capture, Capture::Redacted);
    assert_eq!(privacy.of(&table("default", "open")).capture, Capture::Full);
    assert_eq!(privacy.of(&table("team", "open")).capture, Capture::None);
    let variables = BTreeMap::from([("INFERSCOPE_PRIVACY_CAPTURE".to_owned(), "none".to_owned())]);
    let config = load(None, &variables, &Flags::default(), Path::new("x")).expect("is good");
    assert_eq!(config.ingest.privacy.of(&table("a", "b")).capture, Capture::None);
    assert!(problem("[privacy]\ncapture = \"some\"").contains("redacted"));
    let wrong = problem("[privacy]\n\nrule = [{ name = \"x\", pattern = \"(\" }]");
    assert!(wrong.contains("line 3") && wrong.contains("rule \"x\""), "{wrong}");
    let wrong = problem("[privacy]\nstream = [{ org = \"a b\", capture = \"none\" }]");
    assert!(wrong.contains("line 2") && wrong.contains("\"a b\""), "{wrong}");
    assert_eq!(config.privacy.rules, 20);
    assert!(problem("[ingest]\nvalue_bytes = 0").contains("ingest.value_bytes"));
    assert!(problem("[ingest]\nopen_trace_spans = 0").contains("ingest.open_trace_spans"));
}

#[test]
fn prices_are_checked_at_start() {
    let config =
        read("[[prices.row]]\npattern = \"acme/*\"\ninput = 1\noutput = 2.5\n").expect("is good");
    let book = config.ingest.prices.book(&schema::OrgName::first());
    assert_eq!(
        book.rows().next().map(|(layer, row)| (layer.as_str(), row.key())),
        Some(("file", "acme/*".to_owned()))
    );

    let text = problem("[server]\n[[prices.row]]\nid = \"a\"\ninput = -1\n");
    assert!(text.contains("`input` = -1 is no price") && text.contains("line "), "{text}");
    let text = problem("[[prices.row]]\nid = \"a\"\nprice = 1\n");
    assert!(text.contains("unknown field `price`") && text.contains("line 3"), "{text}");
    let twice = "[[prices.row]]\nid = \"a\"\ninput = 1\n[[prices.row]]\nid = \"a\"\ninput = 2\n";
    assert!(problem(twice).contains("two rows have the key \"a\""), "{}", problem(twice));
    assert!(problem("[prices]\nfile = \"/no/such/file.json\"").contains("/no/such/file.json"));
}

#[test]
fn re_pricing_keeps_what_was_for_a_time_that_can_be_set() {
    let of = |text: &str| read(text).expect("is good").repricer;
    let days = |days: f64| Some(std::time::Duration::from_secs_f64(days * 86_400.0));
    let default = of("");
    assert_eq!((default.undo_for, default.preview_timeout.as_secs()), (days(30.0), 60));
    assert_eq!(of("[prices]\nundo_days = 0.5").undo_for, days(0.5));
    assert_eq!(of("[prices]\nundo_days = 0").undo_for, None, "for ever");
    assert_eq!(of("[prices]\npreview_timeout_s = 2").preview_timeout.as_secs(), 2);
    assert!(problem("[prices]\nundo_days = -1").contains("prices.undo_days"));
    assert!(problem("[prices]\npreview_timeout_s = -1").contains("prices.preview_timeout_s"));
}

#[test]
fn a_price_book_is_read_from_json_or_toml() {
    let dir = tempfile::tempdir().expect("a folder");
    let books = [
        ("book.json", r#"{"format": "prices/1", "rows": [{"id": "a", "input": 1}]}"#),
        ("book.toml", "format = \"prices/1\"\n[[rows]]\nid = \"a\"\ninput = 1\n"),
    ];
    for (name, text) in books {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        let variables =
            BTreeMap::from([("INFERSCOPE_PRICES_FILE".to_owned(), path.display().to_string())]);
        let own = "[[prices.row]]\nid = \"b\"\ninput = 2\n";
        let config =
            load(Some((Path::new("a.toml"), own)), &variables, &Flags::default(), Path::new("x"))
                .expect("is good");
        let book = config.ingest.prices.book(&schema::OrgName::first());
        let keys: Vec<String> = book.rows().take(2).map(|(_, row)| row.key()).collect();
        assert_eq!(keys, ["a", "b"], "{name}");
        std::fs::write(&path, text.replace("1}", "-1}").replace("= 1\n", "= -1\n"))
            .expect("written");
        let problems = load(None, &variables, &Flags::default(), Path::new("x"))
            .expect_err("is refused")
            .join("");
        assert!(
            problems.contains(name)
                && problems.contains("line ")
                && problems.contains("-1 is no price"),
            "{problems}"
        );
    }
}

#[test]
fn storage_says_how_long_streams_are_kept_and_what_happens_when_it_is_full() {
    let config = read(
        r#"
        [storage]
        retention_days = 30
        max_bytes = 1000000
        when_full = "drop-oldest"
        merged_bytes = 1048576

        [[storage.stream]]
        name = "Noisy Stream"
        org = "acme"
        kind = "traces"
        retention_days = 7
        "#,
    )
    .expect("is good");
    let upkeep = config.upkeep;
    assert_eq!((upkeep.retention_days, upkeep.most_bytes), (30, 1_000_000));
    assert_eq!((upkeep.when_full, upkeep.target_bytes), (lake::WhenFull::DropOldest, 1 << 20));
    let term = &upkeep.streams[0];
    assert_eq!((term.stream.as_str(), term.kind), ("noisy_stream", Some(schema::Kind::Traces)));
    assert_eq!(config.upkeep_every.as_secs(), 30);
}

#[test]
fn bad_upkeep_is_refused_by_name() {
    let cases = [
        ("history_minutes = 0.5", "storage.history_minutes"),
        ("history_minutes = -1", "storage.history_minutes"),
        ("merge_at = 1", "storage.merge_at"),
        ("merged_bytes = 0", "storage.merged_bytes"),
        ("checkpoint_commits = 0", "storage.checkpoint_commits"),
        ("erase_at_once = 0", "storage.erase_at_once"),
        ("when_full = \"explode\"", "when_full"),
        ("retention_days = -1", "retention_days"),
        ("[[storage.stream]]\nname = \"a\"\nkind = \"x\"\nretention_days = 1", "kind"),
        ("[[storage.stream]]\nname = \"a\"\norg = \"..\"\nretention_days = 1", "org"),
        ("[[storage.stream]]\nname = \"a\"", "retention_days"),
    ];
    for (text, named) in cases {
        let problem = problem(&format!("[storage]\n{text}\n"));
        assert!(problem.contains(named), "{text}: {problem}");
    }
}
