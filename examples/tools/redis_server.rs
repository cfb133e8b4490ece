//! A Redis or Valkey of one's own on a free port of this machine, for as long as the value lives.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
#[derive(Debug)]
pub(crate) struct RedisServer {
    binary: String,
    arguments: Vec<String>,
    port: u16,
    child: Child,
    folder: PathBuf,
}

impl RedisServer {
    /// The binary, if one is installed.
    pub(crate) fn binary() -> Option<String> {
        let named = std::env::var("SEAWALL_REDIS_SERVER").ok();
        let known = ["valkey-server", "redis-server"].map(str::to_owned);
        let found = named.into_iter().chain(known).find(|name| {
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        });
        if found.is_none() {
            let how = "no redis-server or valkey-server found: `apt-get install redis-server`, or name one in SEAWALL_REDIS_SERVER";
            assert!(std::env::var_os("SEAWALL_REDIS_REQUIRED").is_none(), "{how}");
            eprintln!("\n*** SKIPPED: {how} ***\n");
        }
        found
    }

    /// A server with these further arguments; `None`, loudly, where no binary is installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let binary = Self::binary()?;
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        // Another process may take a port that was free a moment ago.
        let started = (0..5).find_map(|_| {
            let port = free_port();
            let folder = std::env::temp_dir().join(format!("seawall-redis-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder for temporary files");
            let child = spawn(&binary, port, &folder, &arguments);
            let (binary, arguments) = (binary.clone(), arguments.clone());
            let mut server = Self { binary, arguments, port, child, folder };
            server.wait_until_up().then_some(server)
        });
        Some(started.expect("the server starts"))
    }

    /// A sentinel with this configuration, which it will write to.
    pub(crate) fn start_sentinel(configuration: &str) -> Option<Self> {
        Self::start(&["sentinel", configuration])
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it, without a word to its clients.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port, empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.binary, self.port, &self.folder, &self.arguments);
        assert!(self.wait_until_up(), "it does not start again");
    }

    /// Stops it in its tracks: connections stay open, and nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().expect("a shell").success());
    }

    /// One command over a connection of its own; the raw reply.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("the server answers")
    }

    pub(crate) fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            write!(request, "${}\r\n{word}\r\n", word.len()).expect("a text");
        }
        stream.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        let mut part = [0; 65_536];
        // Replies asked for here are short: one read is the whole, or the head is enough.
        let read = stream.read(&mut part)?;
        reply.extend_from_slice(&part[..read]);
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    #[expect(clippy::disallowed_methods, reason = "a process outside takes real time to start")]
    fn wait_until_up(&mut self) -> bool {
        let patience = Instant::now() + Duration::from_secs(20);
        while Instant::now() < patience {
            if self.child.try_wait().expect("a child").is_some() {
                return false; // the port was taken meanwhile
            }
            if self.try_command(&["PING"]).is_ok_and(|reply| reply.starts_with("+PONG")) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.expect("a free port").port()
}

fn spawn(binary: &str, port: u16, folder: &std::path::Path, arguments: &[String]) -> Child {
    let mut command = Command::new(binary);
    if let [mode, configuration] = arguments
        && mode == "sentinel"
    {
        command.arg(configuration).arg("--sentinel");
    } else {
        command.args(["--save", "", "--appendonly", "no"]).args(arguments);
    }
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill(); // a frozen one too
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
