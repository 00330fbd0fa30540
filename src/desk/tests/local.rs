//! The socket of the command line, over a real one.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::house::House;
use crate::claims::entry::{Entry, Position};
use crate::desk::{self, Config, socket};
use crate::store::Store;

fn config(directory: &tempfile::TempDir) -> Config {
    Config {
        socket: directory.path().join("socket"),
        ..Config::default()
    }
}

#[tokio::test]
async fn the_command_line_steers_as_its_user() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory);
    let house = House::new().await;
    let bound = socket::bind(&config).unwrap();
    let file = std::fs::metadata(&config.socket).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let stop = CancellationToken::new();
    let router = desk::operators(house.desk.clone());
    let served = tokio::spawn(socket::serve(bound, router, stop.clone()));

    let mut stream = UnixStream::connect(&config.socket).await.unwrap();
    let request = b"POST /v1/endpoints/paris/hold HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\nConnection: close\r\n\r\n{\"reason\": \"maintenance\"}";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let entries = house.store.entries(Position(2), 1).await.unwrap();
    let Entry::Endpoint { actor, .. } = &entries[0].1.entry else {
        panic!("{entries:?}")
    };
    assert_eq!(actor.as_str(), format!("uid:{}", file.uid()));

    let second = socket::bind(&config).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);
    stop.cancel();
    served.await.unwrap();
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_a_file_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory);
    drop(socket::bind(&config).unwrap());
    assert!(config.socket.exists());
    drop(socket::bind(&config).unwrap());
    std::fs::remove_file(&config.socket).unwrap();
    std::fs::write(&config.socket, "not a socket").unwrap();
    assert!(socket::bind(&config).is_err());
    assert_eq!(std::fs::read(&config.socket).unwrap(), b"not a socket");
}
