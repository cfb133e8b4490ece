//! A file that lists the endpoints: real files, paused time.

use super::{Followed, endpoint};
use seawall::discover::{Discovery, File, Found};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// A file of one's own that is gone with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("seawall-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("endpoints")
    }

    /// As it should be done: beside, then renamed.
    fn rename_in(&self, text: &str) {
        fs::write(self.0.join("next"), text).unwrap();
        fs::rename(self.0.join("next"), self.path()).unwrap();
    }

    fn follow(&self) -> Followed {
        Followed::new(File::new(self.path()), Discovery::new())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_read_at_once_and_every_five_seconds() {
    let scratch = Scratch::new();
    scratch.rename_in("a\nb weight=2\n");
    let mut followed = scratch.follow();
    assert_eq!(followed.run_seconds(1).await, ["a", "b"]);
    assert_eq!(followed.pool.endpoints()[1].weight, 2);
    scratch.rename_in("b\nc\n");
    assert_eq!(followed.run_seconds(6).await, ["b", "c"]);
    followed.run_seconds(600).await;
    assert_eq!((followed.counters.snapshot().endpoint_changes, followed.failures()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_same_length_and_time_is_seen() {
    let scratch = Scratch::new();
    scratch.rename_in("a\n");
    let modified = fs::metadata(scratch.path()).unwrap().modified().unwrap();
    let mut followed = scratch.follow();
    followed.run_seconds(2).await;
    fs::write(scratch.path(), "b\n").unwrap();
    fs::File::options().append(true).open(scratch.path()).unwrap().set_modified(modified).unwrap();
    assert_eq!(followed.run_seconds(6).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_parse_keeps_the_last_good_list_and_is_told_once() {
    let scratch = Scratch::new();
    scratch.rename_in("a\n");
    let mut followed = scratch.follow();
    followed.run_seconds(2).await;
    for (number, bad) in ["a heavy\n", "", "\u{0}=\n"].into_iter().enumerate() {
        scratch.rename_in(bad);
        assert_eq!(followed.run_seconds(3600).await, ["a"], "{bad:?}");
        assert_eq!(followed.failures(), number as u64 + 1, "{bad:?}");
    }
    fs::write(scratch.path(), [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(followed.run_seconds(3600).await, ["a"]);
    assert_eq!(followed.failures(), 4);
    scratch.rename_in("a\nb\n");
    assert_eq!(followed.run_seconds(6).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_being_written_is_not_read_halfway() {
    let scratch = Scratch::new();
    scratch.rename_in("a\n");
    let mut followed = scratch.follow();
    assert_eq!(followed.run_seconds(2).await, ["a"]);
    // In place, and the look comes in the middle: half of it would parse.
    fs::write(scratch.path(), "10.0.0.1:80\n10.0.0.2:8").unwrap();
    assert_eq!(followed.run(Duration::from_millis(4_050)).await, ["a"]);
    fs::write(scratch.path(), "10.0.0.1:80\n10.0.0.2:80\n").unwrap();
    assert_eq!(followed.run(Duration::from_millis(100)).await, ["a"]);
    assert_eq!(followed.run(Duration::from_millis(100)).await, ["10.0.0.1:80", "10.0.0.2:80"]);
    // Gone for an instant is not gone.
    fs::remove_file(scratch.path()).unwrap();
    followed.run(Duration::from_millis(970)).await;
    scratch.rename_in("10.0.0.1:80\n");
    assert_eq!(followed.run_seconds(6).await, ["10.0.0.1:80"]);
    assert_eq!((followed.counters.snapshot().endpoint_changes, followed.failures()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_rests_is_taken_as_it_is_after_a_second() {
    let scratch = Scratch::new();
    scratch.rename_in("a\n");
    let mut followed = scratch.follow();
    followed.run_seconds(2).await;
    for i in 0..100 {
        scratch.rename_in(&format!("b weight={}\n", i + 1));
        followed.run(Duration::from_millis(60)).await;
    }
    assert_eq!(followed.ids(), ["b"]);
    assert_eq!(followed.failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_gone_keeps_the_list_and_one_that_comes_late_is_found() {
    let scratch = Scratch::new();
    let mut followed = scratch.follow();
    assert!(followed.run_seconds(60).await.is_empty());
    assert_eq!(followed.failures(), 1);
    scratch.rename_in("a\n");
    assert_eq!(followed.run_seconds(6).await, ["a"]);
    fs::remove_file(scratch.path()).unwrap();
    assert_eq!(followed.run_seconds(60).await, ["a"]);
    assert_eq!(followed.failures(), 2);
    // The very same again is no change, but no failure any more either.
    scratch.rename_in("a\n");
    assert_eq!(followed.run_seconds(60).await, ["a"]);
    assert_eq!(followed.failures(), 2);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_link_that_points_elsewhere_is_a_change() {
    let scratch = Scratch::new();
    let point_at = |folder: &str, text: &str| {
        fs::create_dir(scratch.0.join(folder)).unwrap();
        fs::write(scratch.0.join(folder).join("endpoints"), text).unwrap();
        std::os::unix::fs::symlink(folder, scratch.0.join("..data_tmp")).unwrap();
        fs::rename(scratch.0.join("..data_tmp"), scratch.0.join("..data")).unwrap();
    };
    point_at("one", "a\n");
    std::os::unix::fs::symlink("..data/endpoints", scratch.path()).unwrap();
    let mut followed = scratch.follow();
    assert_eq!(followed.run_seconds(2).await, ["a"]);
    point_at("two", "b\n");
    assert_eq!(followed.run_seconds(6).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn never_half_a_list_however_often_it_is_renamed() {
    let scratch = Scratch::new();
    let list = |from: u32| (from..from + 500).map(|i| format!("10.0.0.1:{i}\n")).collect::<String>();
    scratch.rename_in(&list(0));
    let mut followed = scratch.follow();
    for round in 1..50 {
        let (path, next) = (scratch.path(), scratch.0.join("next"));
        let text = list(round);
        let writer = std::thread::spawn(move || {
            fs::write(&next, text).unwrap();
            fs::rename(next, path).unwrap();
        });
        followed.run_seconds(6).await;
        assert_eq!(followed.pool.len(), 500);
        writer.join().unwrap();
    }
    assert_eq!(followed.failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn any_format_will_do() {
    let scratch = Scratch::new();
    scratch.rename_in(r#"["a", "b"]"#);
    let parse = |text: &str| {
        let ids: Vec<String> = serde_json::from_str(text)?;
        Ok::<_, serde_json::Error>(ids.iter().map(|id| endpoint(id)).collect::<Found>())
    };
    let mut followed = Followed::new(File::parsed_by(scratch.path(), parse), Discovery::new());
    assert_eq!(followed.run_seconds(1).await, ["a", "b"]);
}
