//! `ottla health`: is a broker there that serves, and can it write? Two requests over a plain socket, written by hand,
//! so that a container's check costs a few milliseconds.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::exit::Exit;

/// More than any answer without topics needs; a foreign service may send anything.
const ANSWER_MAX_BYTES: usize = 1 << 20;
const CORRELATION_ID: i32 = 1;

/// Asks, and tells on standard error why not.
pub fn run(bootstrap: Option<&str>, timeout_ms: u64) -> Exit {
    let bootstrap = bootstrap.map_or_else(of_the_environment, str::to_string);
    match ask(&bootstrap, Duration::from_millis(timeout_ms.max(1))) {
        Ok(brokers) => {
            println!("{bootstrap} serves ({brokers} broker)");
            Exit::Success
        }
        Err(error) => {
            eprintln!("{bootstrap} does not serve: {error}");
            Exit::Failure
        }
    }
}

/// Where a broker listens that was started with this environment, as a container's is.
fn of_the_environment() -> String {
    let listens = |name| std::env::var(name).ok().and_then(|listeners| first_address(&listeners));
    listens("KAFKA_LISTENERS")
        .or_else(|| listens("KAFKA_ADVERTISED_LISTENERS").map(|address| at_home(&address)))
        .unwrap_or_else(|| "127.0.0.1:9092".into())
}

/// Host and port of the first listener that clients use.
fn first_address(listeners: &str) -> Option<String> {
    let clients = |item: &&str| !item.trim().to_ascii_uppercase().starts_with("CONTROLLER:");
    let (_, address) = listeners.split(',').find(clients)?.trim().split_once("://")?;
    let everywhere = ["", "0.0.0.0", "[::]"].contains(&address.rsplit_once(':')?.0);
    Some(if everywhere { at_home(address) } else { address.to_string() })
}

/// The same port on this machine.
fn at_home(address: &str) -> String {
    format!("127.0.0.1:{}", address.rsplit_once(':').map_or("9092", |(_, port)| port))
}

fn ask(bootstrap: &str, timeout: Duration) -> io::Result<usize> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in bootstrap.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return exchange(stream, timeout),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn exchange(mut stream: TcpStream, timeout: Duration) -> io::Result<usize> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let (count, controller) = brokers(&ask_one(&mut stream, &metadata_request())?).ok_or_else(not_kafka)?;
    let offline = offline_dirs(&ask_one(&mut stream, &log_dirs_request())?).ok_or_else(not_kafka)?;
    let unwell = |why: String| Err(io::Error::other(why));
    match offline.first() {
        Some(dir) => unwell(format!("log directory {dir} is offline")),
        None if controller < 0 => unwell("it takes no changes of metadata".into()),
        None if count == 0 => Err(not_kafka()),
        None => Ok(count),
    }
}

fn ask_one(stream: &mut TcpStream, request: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(request)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(i32::from_be_bytes(size)).ok().filter(|size| *size <= ANSWER_MAX_BYTES);
    let mut answer = vec![0; size.ok_or_else(not_kafka)?];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn not_kafka() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not a broker's")
}

/// Metadata version 1 for no topics.
fn metadata_request() -> Vec<u8> {
    request(3)
}

/// DescribeLogDirs version 1 for no topics.
fn log_dirs_request() -> Vec<u8> {
    request(35)
}

/// Version 1 of a request whose body is an empty list of topics.
fn request(api_key: i16) -> Vec<u8> {
    let client = b"ottla-health";
    let mut body = Vec::new();
    body.extend(api_key.to_be_bytes());
    body.extend(1i16.to_be_bytes());
    body.extend(CORRELATION_ID.to_be_bytes());
    body.extend((client.len() as i16).to_be_bytes());
    body.extend(client);
    body.extend(0i32.to_be_bytes());
    let mut frame = (body.len() as i32).to_be_bytes().to_vec();
    frame.extend(body);
    frame
}

/// How many brokers an answer names, and who is controller; `None` when it is no such answer.
fn brokers(answer: &[u8]) -> Option<(usize, i32)> {
    let mut rest = answer;
    if int32(&mut rest)? != CORRELATION_ID {
        return None;
    }
    let count = usize::try_from(int32(&mut rest)?).ok()?;
    for _ in 0..count {
        int32(&mut rest)?;
        string(&mut rest)?;
        int32(&mut rest)?;
        string(&mut rest)?;
    }
    let controller = int32(&mut rest)?;
    Some((count, controller))
}

/// Log directories that cannot be used; `None` when it is no such answer.
fn offline_dirs(answer: &[u8]) -> Option<Vec<String>> {
    let mut rest = answer;
    if int32(&mut rest)? != CORRELATION_ID {
        return None;
    }
    let _throttle_ms = int32(&mut rest)?;
    let count = usize::try_from(int32(&mut rest)?).ok()?;
    let mut offline = Vec::new();
    for _ in 0..count {
        let (code, after) = rest.split_first_chunk::<2>()?;
        rest = after;
        let (size, after) = rest.split_first_chunk::<2>()?;
        let path = after.get(..usize::from(u16::from_be_bytes(*size)))?;
        rest = after.get(path.len()..)?;
        // No topics were asked for.
        int32(&mut rest)?;
        if i16::from_be_bytes(*code) != 0 {
            offline.push(String::from_utf8_lossy(path).into_owned());
        }
    }
    Some(offline)
}

fn int32(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(i32::from_be_bytes(*bytes))
}

/// Skips a string, which may be null.
fn string(rest: &mut &[u8]) -> Option<()> {
    let (bytes, after) = rest.split_first_chunk::<2>()?;
    let length = usize::try_from(i16::from_be_bytes(*bytes)).unwrap_or(0);
    *rest = after.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that answers request after request with these bytes.
    fn answering(answers: Vec<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut asked = vec![0; metadata_request().len()];
                if stream.read_exact(&mut asked).is_ok() {
                    stream.write_all(&answer).unwrap();
                }
            }
        });
        address
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        [&(body.len() as i32).to_be_bytes()[..], body].concat()
    }

    const ONE_BROKER: &[u8] = b"\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x01h\0\0\x23\x84\xff\xff\0\0\0\x01\0\0\0\0";
    const NO_CONTROLLER: &[u8] = b"\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x01h\0\0\x23\x84\xff\xff\xff\xff\xff\xff\0\0\0\0";
    const DIR: &[u8] = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x02/d\0\0\0\0";
    const OFFLINE_DIR: &[u8] = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x38\0\x02/d\0\0\0\0";

    fn health(metadata: &[u8], log_dirs: &[u8]) -> Exit {
        run(Some(&answering(vec![framed(metadata), framed(log_dirs)])), 5_000)
    }

    #[test]
    fn a_broker_that_names_itself_is_healthy() {
        assert_eq!(health(ONE_BROKER, DIR), Exit::Success);
    }

    #[test]
    fn one_that_lost_a_directory_or_its_metadata_log_is_not() {
        assert_eq!(health(ONE_BROKER, OFFLINE_DIR), Exit::Failure);
        assert_eq!(health(NO_CONTROLLER, DIR), Exit::Failure);
        assert_eq!(offline_dirs(OFFLINE_DIR), Some(vec!["/d".to_string()]));
        assert_eq!(offline_dirs(&OFFLINE_DIR[..15]), None);
    }

    #[test]
    fn anything_else_is_not() {
        let no_broker = b"\0\0\0\x01\0\0\0\0\xff\xff\xff\xff\0\0\0\0";
        let cut = &ONE_BROKER[..20];
        for answer in [framed(no_broker), framed(cut), b"HTTP/1.1 400 Bad Request".to_vec(), vec![]] {
            assert_eq!(run(Some(&answering(vec![answer])), 5_000), Exit::Failure);
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(run(Some(&closed.to_string()), 5_000), Exit::Failure);
        assert_eq!(run(Some("no port"), 5_000), Exit::Failure);
    }

    #[test]
    fn the_address_of_a_containers_broker_is_found() {
        for (listeners, address) in [
            ("PLAINTEXT://:19092", "127.0.0.1:19092"),
            ("CONTROLLER://:9093,A://0.0.0.0:9094", "127.0.0.1:9094"),
            (" A://kafka:1, B://:2", "kafka:1"),
        ] {
            assert_eq!(first_address(listeners).as_deref(), Some(address));
        }
        assert_eq!(first_address("CONTROLLER://:9093"), None);
        assert_eq!(at_home("localhost:5000"), "127.0.0.1:5000");
    }
}
