use super::*;

#[test]
fn fields_are_counted_from_the_end_of_the_name() {
    let text = "42 (a ) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 11 22 33 44 20 0 5 0 1000 999999 321 18446744073709551615";
    assert_eq!(parse_stat(text), Some(Stat { parent: 7, ticks: 110, resident_pages: 321 }));
}

#[test]
fn truncated_stat_is_refused() {
    for text in ["", "42 (a", "42 (a) S 7 1 2"] {
        assert_eq!(parse_stat(text), None, "{text:?}");
    }
}

#[test]
fn dirtied_bytes_are_those_of_file_pages() {
    assert_eq!(parse_dirtied("wchar: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n"), Some(4096));
    assert_eq!(parse_dirtied("wchar: 5\n"), None);
}

#[test]
fn the_device_is_found_by_its_numbers() {
    let text =
        "   8       0 sda 10 0 80 5 20 0 160 9 0 0 0\n 254       1 vda1 1 2 3 4 5 6 7 8 9 10 11\n   9 0 x";
    assert_eq!(parse_diskstats(text, 8, 0), Some(160 * 512));
    assert_eq!(parse_diskstats(text, 254, 1), Some(7 * 512));
    assert_eq!(parse_diskstats(text, 254, 0), None);
    assert_eq!(parse_diskstats(text, 9, 0), None);
    assert!(device_written(Path::new("/no/such/folder")).is_err());
}

#[test]
fn this_process_uses_memory_and_a_missing_one_is_an_error() {
    let own = usage(&[std::process::id()]).unwrap();
    assert!(own.resident_bytes > 0);
    assert!(own_cpu() > Duration::ZERO);
    // Above the largest pid that Linux gives.
    assert!(usage(&[u32::MAX]).is_err());
}

#[test]
fn children_belong_to_the_family() {
    let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let family = family(&[std::process::id()]).unwrap();
    assert!(family.contains(&child.id()));
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_folder_holds_what_is_below_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(stored_bytes(folder.path()).unwrap(), 0);
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    let mut file = fs::File::create(below.join("c")).unwrap();
    std::io::Write::write_all(&mut file, &vec![1; 100_000]).unwrap();
    // Until it is on the disk, a file system may not have decided where.
    file.sync_all().unwrap();
    let stored = stored_bytes(folder.path()).unwrap();
    assert!((50_000..1_000_000).contains(&stored), "{stored}");
    assert!(stored_bytes(&below.join("gone")).is_err());
}

#[test]
fn more_files_than_the_system_allows_are_an_error_that_says_where_to_look() {
    allow_files(10).unwrap();
    let error = allow_files(1 << 40).unwrap_err().to_string();
    assert!(error.contains("ulimit -Hn"), "{error}");
}

#[test]
fn nobody_uses_nothing() {
    assert_eq!(Processes::of(&[]).usage().unwrap(), Usage::default());
    let mut own = Processes::of(&[std::process::id()]);
    // Past the number of readings after which the family is looked up again.
    for _ in 0..=2 * READINGS {
        assert!(own.usage().unwrap().resident_bytes > 0);
    }
}
