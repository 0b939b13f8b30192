//! Media from a directory.

mod file;

use std::fs::File;
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use playgate_edge::{Step, StoreRange};
use tokio::task::spawn_blocking;

pub use self::file::FileBody;
use crate::store::{MediaStore, Metadata, Stored};

/// A directory as a bucket: the keys of its objects are the paths of its files. Nothing outside of it is opened, also
/// not through a symbolic link.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Dir>);

impl Directory {
    /// Opens a directory.
    ///
    /// # Errors
    /// There is no such directory, or it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Dir::open_ambient_dir(path, ambient_authority())?)))
    }

    /// The file of a key, with what is known of it. `None` if there is no such file. Waits for the disk.
    fn find(&self, key: &str) -> io::Result<Option<(File, Metadata)>> {
        let mut options = OpenOptions::new();
        options.read(true);
        // Opening a pipe would wait for whoever writes into it.
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::custom_flags(
            &mut options,
            rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
        );
        match self.0.open_with(key, &options) {
            Ok(file) => describe(file.into_std()),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, if the system has it in memory. Waiting in another thread would take longer than sending a small file.
    #[cfg(target_os = "linux")]
    fn find_cached(&self, key: &str) -> Option<(File, Metadata)> {
        use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
        let file = openat2(&*self.0, key, flags, Mode::empty(), inside).ok()?;
        describe(file.into()).ok()?
    }

    #[cfg(not(target_os = "linux"))]
    fn find_cached(&self, _: &str) -> Option<(File, Metadata)> {
        None
    }
}

/// A file with what is known of it. `None` if it is no regular file.
fn describe(file: File) -> io::Result<Option<(File, Metadata)>> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(None);
    }
    let since = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    // Strong: a file that is replaced has another time or another size.
    let etag = format!("\"{:x}-{:x}\"", since.as_nanos(), about.len());
    // No later than the answer (RFC 9110, section 8.8.2.1).
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (size, modified) = (about.len(), since.min(now).as_secs());
    Ok(Some((file, Metadata { size, etag, modified, ..Metadata::default() })))
}

impl MediaStore for Directory {
    type Body = FileBody;

    async fn ask(&self, step: Step) -> Option<Stored<FileBody>> {
        let (key, range, reads) = match step {
            Step::Get { key, range } => (key, range, true),
            Step::Head { key } => (key, None, false),
            Step::Fetch { .. } => return None,
        };
        if !is_path(&key) {
            return Some(Stored::Missing);
        }
        let found = match self.find_cached(&key) {
            Some(found) => Some(found),
            None => {
                let directory = self.clone();
                // A disk may be slow, and must not stop other requests.
                spawn_blocking(move || directory.find(&key)).await.ok()?.ok()?
            }
        };
        let Some((file, metadata)) = found else { return Some(Stored::Missing) };
        let (start, end) = if reads { bounds(range, metadata.size) } else { (0, 0) };
        Some(Stored::Found { metadata, body: FileBody::new(file, start, end) })
    }
}

/// Whether a key is the path of a file: plain names, separated by single slashes.
fn is_path(key: &str) -> bool {
    let is_name = |part: &str| {
        !part.contains('\0') && Path::new(part).components().eq([Component::Normal(part.as_ref())])
    };
    key.split('/').all(is_name)
}

/// Whether an error says that there is no such file in the directory. That one may not be read is a fault.
fn is_absence(error: &io::Error) -> bool {
    let is_outside =
        error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none();
    is_outside
        || matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::NotFound)
        || is_odd(error)
}

/// A name that is too long, links in a circle, or a socket.
#[cfg(unix)]
fn is_odd(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let odd = [Errno::LOOP, Errno::NAMETOOLONG, Errno::NXIO];
    odd.iter().any(|odd| error.raw_os_error() == Some(odd.raw_os_error()))
}

#[cfg(not(unix))]
fn is_odd(_: &io::Error) -> bool {
    false
}

/// Where a range starts and ends. The plan decides whether it can be served.
fn bounds(range: Option<StoreRange>, size: u64) -> (u64, u64) {
    match range {
        None => (0, size),
        Some(StoreRange::From { offset }) => (offset.min(size), size),
        Some(StoreRange::Slice { offset, length }) => {
            (offset.min(size), offset.saturating_add(length).min(size))
        }
        Some(StoreRange::Suffix { length }) => (size.saturating_sub(length), size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use std::fs;

    async fn read(directory: &Directory, key: &str, range: Option<StoreRange>) -> Option<Vec<u8>> {
        match directory.ask(Step::Get { key: key.into(), range }).await? {
            Stored::Found { body, .. } => Some(body.collect().await.unwrap().to_bytes().to_vec()),
            Stored::Missing => None,
            Stored::Answer { .. } => panic!("no server"),
        }
    }

    #[tokio::test]
    async fn only_files_of_the_directory_are_found() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::write(root.join("a/b/São João.mp4"), "film").unwrap();
        let directory = Directory::open(&root).unwrap();
        assert_eq!(read(&directory, "a/b/São João.mp4", None).await.as_deref(), Some(&b"film"[..]));
        let mut absent = vec![
            "a",
            "a/b",
            "a/b/",
            "/a/b/São João.mp4",
            "a//b/São João.mp4",
            "a/./b/São João.mp4",
            "../secret",
            "a/../../secret",
            "a/b/../b/São João.mp4",
            "",
            ".",
            "..",
            "nothing",
            "a/b/São João.mp4/x",
            "a/b/S\0",
            "a/b/São João.mp4\0",
        ];
        let long = "x".repeat(1024);
        absent.push(&long);
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            let whole = outside.path().join("secret");
            symlink("../secret", root.join("out")).unwrap();
            symlink(whole, root.join("whole")).unwrap();
            symlink("..", root.join("up")).unwrap();
            symlink("round", root.join("round")).unwrap();
            symlink("a/b", root.join("in")).unwrap();
            absent.extend(["out", "whole", "up/secret", "round"]);
            let inside = read(&directory, "in/São João.mp4", None).await;
            assert_eq!(inside.as_deref(), Some(&b"film"[..]));
            let pipe = root.join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
            absent.push("pipe");
        }
        for key in absent {
            assert_eq!(read(&directory, key, None).await, None, "{key}");
        }
    }

    #[tokio::test]
    async fn ranges_are_slices_of_the_file() {
        let root = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        fs::write(root.path().join("f"), &bytes).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        for (range, expected) in [
            (None, &bytes[..]),
            (Some(StoreRange::From { offset: 999_990 }), &bytes[999_990..]),
            (Some(StoreRange::From { offset: 2_000_000 }), &[]),
            (Some(StoreRange::Slice { offset: 1, length: 700_000 }), &bytes[1..700_001]),
            (Some(StoreRange::Slice { offset: 999_999, length: u64::MAX }), &bytes[999_999..]),
            (Some(StoreRange::Suffix { length: 5 }), &bytes[999_995..]),
            (Some(StoreRange::Suffix { length: u64::MAX }), &bytes[..]),
        ] {
            assert_eq!(read(&directory, "f", range).await.unwrap(), expected, "{range:?}");
        }
        let Some(Stored::Found { metadata, body }) =
            directory.ask(Step::Head { key: "f".into() }).await
        else {
            panic!("not found")
        };
        assert_eq!((metadata.size, body.collect().await.unwrap().to_bytes().len()), (1_000_000, 0));
    }

    #[tokio::test]
    async fn a_file_that_becomes_shorter_breaks_off() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        fs::write(&path, vec![1; 1_000_000]).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let Some(Stored::Found { body, .. }) =
            directory.ask(Step::Get { key: "f".into(), range: None }).await
        else {
            panic!("not found")
        };
        fs::write(&path, vec![1; 10]).unwrap();
        assert_eq!(body.collect().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
