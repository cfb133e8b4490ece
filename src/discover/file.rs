use super::found::Found;
use super::lines::{BadLine, lines};
use super::source::Source;
use crate::clock::Timer;
use crate::sync::Mutex;
use crate::time::Instant;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::xxh3_64;

/// A file that lists the endpoints, looked at again and again.
///
/// It is read whole at every look, on a thread for blocking work, and compared by its content: so it makes no
/// difference whether it was written, renamed into place, or reached through a link that now points elsewhere (as
/// Kubernetes mounts a `ConfigMap`), nor how coarse the file system's times are. A change counts when a second look, a
/// tenth of a second later, sees the same: a file that is just being written is not read halfway. Whoever writes more
/// slowly than that writes a new file and renames it into place.
///
/// A file that is not there, cannot be read or does not parse is a failure: the last good list stays. It is told once
/// as an event, and in the log with its reason, and not again before the file changes.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use seawall::balance::{P2c, Pool};
/// use seawall::discover::{Discovery, File};
///
/// let path = std::env::temp_dir().join(format!("seawall-{}", std::process::id()));
/// std::fs::write(&path, "10.0.0.1:80\n10.0.0.2:80 weight=2\n")?;
/// let pool = Pool::new("api", P2c::new());
/// tokio::spawn(pool.follow(Discovery::new(), File::new(&path), |found| found.with("its client")));
/// pool.ready().await;
/// assert_eq!(pool.len(), 2);
/// # std::fs::remove_file(path)
/// # }
/// ```
///
/// # Defaults
///
/// | what | default | why |
/// |---|---|---|
/// | [`every`](Self::every) | 5 s | a look costs microseconds |
/// | format | [`lines`](super::lines()) | [`parsed_by`](Self::parsed_by) takes any other |
/// | a change must last | 100 ms, or until it has changed ten times | longer than a list takes to be written |
/// | largest file | 16 MiB | a wrong path may name anything |
pub struct File<P = fn(&str) -> Result<Found, BadLine>> {
    every: Duration,
    shared: Arc<Shared<P>>,
}

struct Shared<P> {
    path: Arc<Path>,
    parse: P,
    // Guarded: what the last answer was made of.
    answered: Mutex<Option<Mark>>,
}

/// What is remembered of a look, to know whether the next one sees something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Content { hash: u64, length: usize },
    Failure(io::ErrorKind),
}

const LARGEST: u64 = 16 << 20;

/// So long a change must last to be believed.
const SETTLED: Duration = Duration::from_millis(100);

/// A file that is never the same twice is taken as it is after so many looks.
const UNSETTLED: u32 = 10;

/// Why a file is no list of endpoints.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError<E> {
    /// It could not be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It was read, and is not what was expected.
    #[error("the file does not parse: {0}")]
    Unparsable(#[source] E),
}

impl File {
    /// The file at `path`, in the format of [`lines`](super::lines()).
    ///
    /// ```
    /// let file = seawall::discover::File::new("/etc/api/endpoints");
    /// # let _ = file;
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::parsed_by(path, lines)
    }
}

impl<P> File<P> {
    /// The file at `path`, whose content `parse` makes a list of: JSON, YAML, whatever it is.
    ///
    /// ```
    /// use seawall::balance::Endpoint;
    /// use seawall::discover::{File, Found};
    /// let file = File::parsed_by("/etc/api/endpoints.json", |text: &str| {
    ///     let ids: Vec<String> = serde_json::from_str(text)?;
    ///     Ok::<_, serde_json::Error>(Found::from_iter(ids.into_iter().map(|id| Endpoint::new(id, ()))))
    /// });
    /// # let _ = file;
    /// ```
    pub fn parsed_by<E>(path: impl Into<PathBuf>, parse: P) -> Self
    where
        P: Fn(&str) -> Result<Found, E>,
    {
        let path = path.into().into();
        let shared = Shared { path, parse, answered: Mutex::new(None) };
        Self { every: Duration::from_secs(5), shared: Arc::new(shared) }
    }

    /// How long after one look the next one is; at least 10 ms.
    ///
    /// ```
    /// use seawall::discover::File;
    /// use std::time::Duration;
    /// let file = File::new("/etc/api/endpoints").every(Duration::from_secs(1));
    /// # let _ = file;
    /// ```
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(10));
        self
    }
}

impl<P, E> Source for File<P>
where
    P: Fn(&str) -> Result<Found, E>,
    E: fmt::Debug,
{
    type Error = FileError<E>;
    type Asking = Looking<P>;

    fn ask(&mut self) -> Looking<P> {
        let shared = Arc::clone(&self.shared);
        Looking { every: self.every, shared, reading: None, seen: None, looks: 0, timer: Timer::unarmed() }
    }
}

pin_project! {
    /// The next change of a [`File`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Looking<P> {
        every: Duration,
        shared: Arc<Shared<P>>,
        reading: Option<JoinHandle<io::Result<String>>>,
        // A change that is not believed yet, and how many there were.
        seen: Option<Mark>,
        looks: u32,
        #[pin]
        timer: Timer,
    }
}

impl<P, E> Future for Looking<P>
where
    P: Fn(&str) -> Result<Found, E>,
{
    type Output = Result<Found, FileError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if this.timer.is_armed() {
                ready!(this.timer.as_mut().poll_fired(cx));
                this.timer.as_mut().disarm();
            }
            let reading = this.reading.get_or_insert_with(|| {
                let path = Arc::clone(&this.shared.path);
                tokio::task::spawn_blocking(move || read(&path))
            });
            let read = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|error| Err(error.into()));
            *this.reading = None;
            let mark = mark(&read);
            if !this.shared.is_news(mark) {
                (*this.seen, *this.looks) = (None, 0);
                this.timer.as_mut().arm(Instant::now() + *this.every);
            } else if this.shared.is_first()
                || this.seen.replace(mark) == Some(mark)
                || *this.looks >= UNSETTLED
            {
                this.shared.answered(mark);
                let text = read.map_err(FileError::Unreadable)?;
                let found = (this.shared.parse)(&text).map_err(FileError::Unparsable)?;
                return Poll::Ready(Ok(found.live()));
            } else {
                *this.looks += 1;
                this.timer.as_mut().arm(Instant::now() + SETTLED.min(*this.every));
            }
        }
    }
}

impl<P> Shared<P> {
    /// Whether nothing has been answered yet: something is better than nothing.
    fn is_first(&self) -> bool {
        self.answered.lock().is_none()
    }

    /// Whether this is not what was answered last.
    fn is_news(&self, mark: Mark) -> bool {
        *self.answered.lock() != Some(mark)
    }

    fn answered(&self, mark: Mark) {
        *self.answered.lock() = Some(mark);
    }
}

fn mark(read: &io::Result<String>) -> Mark {
    match read {
        Ok(text) => Mark::Content { hash: xxh3_64(text.as_bytes()), length: text.len() },
        Err(error) => Mark::Failure(error.kind()),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
    }
    Ok(text)
}

impl<P> fmt::Debug for File<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("path", &self.shared.path)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Looking<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looking").field("path", &self.shared.path).finish_non_exhaustive()
    }
}
