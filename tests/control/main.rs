//! The control socket by itself: who may speak, how much, and that nobody hinders anybody.

mod shape;
mod support;

use std::{
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    sync::Arc,
};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use windlass_cli::control::{
    BindError, Call, CallError, Chore, Done, Errand, Interrupt, Response, Server, socket_path,
};
use windlass_model::RolloutName;

use support::{Echo, State, forgive, run};

/// Design §6: a socket beside the state file, for its owner's user alone, gone with its owner.
#[tokio::test]
async fn a_socket_lies_beside_the_state_file_as_long_as_its_owner_listens() {
    let state = State::new("windlass.db");
    let server = Server::start(&state.file, Arc::new(Echo)).expect("nothing is in the way");
    let socket = std::fs::metadata(socket_path(&state.file)).expect("it is there");
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    server.close().await;
    assert!(!socket_path(&state.file).exists());
    let nobody = Call::place(&state.file, &forgive("1.0.0")).await;
    assert!(matches!(nobody, Err(CallError::Nobody(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_request_is_answered_and_its_actor_and_reason_arrive() {
    let state = State::new("windlass.db");
    let server = Server::start(&state.file, Arc::new(Echo)).expect("nothing is in the way");
    let mut call = Call::place(&state.file, &forgive("1.0.0"))
        .await
        .expect("it listens");
    assert_eq!(call.owner, std::process::id());
    let answer = call.next().await.expect("it answers");
    let Response::Done(Done::Forgiven { release, version }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(release, "app of ann because");
    assert_eq!(version, "1.0.0");
    server.close().await;
}

/// The path of a Unix socket has 108 bytes at most; that of a state file may have more.
#[tokio::test]
async fn a_state_file_may_lie_deep() {
    let deep = format!(
        "{}/windlass.db",
        ["a-folder-with-a-long-name"; 12].join("/")
    );
    let state = State::new(&deep);
    assert!(state.file.as_os_str().len() > 300);
    let server = Server::start(&state.file, Arc::new(Echo)).expect("nothing is in the way");
    let mut call = Call::place(&state.file, &forgive("1.0.0"))
        .await
        .expect("it listens");
    call.next().await.expect("it answers");
    server.close().await;
    assert!(!socket_path(&state.file).exists());
}

/// A crash leaves the socket behind; the next owner, who has the lock, takes its place. What is
/// no socket is somebody's file.
#[tokio::test]
async fn a_dead_owners_socket_is_replaced_and_nothing_else_is() {
    let state = State::new("windlass.db");
    let dead = std::os::unix::net::UnixListener::bind(socket_path(&state.file));
    drop(dead.expect("the path is short"));
    let server = Server::start(&state.file, Arc::new(Echo)).expect("it is stale");
    server.close().await;

    std::fs::write(socket_path(&state.file), "mine").expect("the folder can be written");
    let refused = Server::start(&state.file, Arc::new(Echo));
    assert!(
        matches!(refused, Err(BindError::InTheWay(_))),
        "{refused:?}"
    );
    let kept = std::fs::read_to_string(socket_path(&state.file));
    assert_eq!(kept.expect("it is there"), "mine");
}

/// What is not understood is answered, and costs nobody else anything.
#[tokio::test]
async fn malformed_and_endless_lines_are_refused() {
    let state = State::new("windlass.db");
    let server = Server::start(&state.file, Arc::new(Echo)).expect("nothing is in the way");
    let mut answers = Vec::new();
    for line in [
        b"what?\n".to_vec(),
        b"{\"actor\":1}\n".to_vec(),
        vec![b'x'; 8 << 20],
    ] {
        let (reader, mut writer) = state.connect().await.into_split();
        let mut reader = BufReader::new(reader);
        let mut hello = String::new();
        reader.read_line(&mut hello).await.expect("it greets");
        // A line that is too long is not read to its end.
        writer.write_all(&line).await.ok();
        let mut answer = String::new();
        reader.read_line(&mut answer).await.ok();
        answers.push(answer);
    }
    insta::assert_snapshot!("what_is_not_understood", answers.concat());
    let mut call = Call::place(&state.file, &forgive("1.0.0"))
        .await
        .expect("it listens still");
    call.next().await.expect("it answers still");
    server.close().await;
}

/// Clients that say nothing and clients that read nothing: the next one is served all the same,
/// their number is bounded, and the owner ends without them.
#[tokio::test]
async fn clients_that_hang_or_flood_hinder_nobody() {
    let state = State::new("windlass.db");
    let server = Server::start(&state.file, Arc::new(Echo)).expect("nothing is in the way");
    let mut deaf = Call::place(&state.file, &run()).await.expect("it listens");
    let mut silent = Vec::new();
    loop {
        let mut stream = BufReader::new(state.connect().await);
        let mut greeting = String::new();
        stream.read_line(&mut greeting).await.expect("it greets");
        silent.push(stream);
        let mut refused = Call::place(&state.file, &forgive("1.0.0"))
            .await
            .expect("it listens");
        match refused.next().await.expect("it answers") {
            Response::Done(_) => assert!(silent.len() < 1_000, "the number is bounded"),
            Response::Refused(why) => {
                insta::assert_snapshot!("too_many_clients", why);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    drop(silent.pop());
    deaf.interrupt(Interrupt::Stop).await.ok();
    server.close().await;
    let mut rest = Vec::new();
    for mut stream in silent {
        stream.read_to_end(&mut rest).await.ok();
    }
    assert!(rest.is_empty(), "they were cut without a word");
}

/// A run's answers come as they are made, and its client may say more.
#[tokio::test]
async fn a_run_is_streamed_and_interrupted() {
    let state = State::new("windlass.db");
    let server = Server::start(&state.file, Arc::new(Echo)).expect("nothing is in the way");
    let mut call = Call::place(&state.file, &run()).await.expect("it listens");
    let entered = call.next().await.expect("it answers");
    assert_eq!(entered, Response::Entered(RolloutName::new("echo")));
    call.interrupt(Interrupt::Cut).await.expect("it listens");
    loop {
        match call.next().await.expect("it answers") {
            Response::Warning(text) if text == "Cut" => break,
            Response::Warning(_) => {}
            other => panic!("{other:?}"),
        }
    }
    server.close().await;
}

/// The protocol's texts are read by other versions of the program.
#[test]
fn a_request_is_written_as_other_versions_read_it() {
    let mut request = forgive("1.0.0");
    insta::assert_json_snapshot!("request", request);
    request.what = Errand::Chore(Chore::Steer {
        rollout: None,
        order: windlass_model::Steering::Advance { full: true },
    });
    let text = serde_json::to_string(&request).expect("it is plain");
    assert_eq!(
        serde_json::from_str::<windlass_cli::control::Request>(&text).expect("it is its own"),
        request
    );
}

/// An engine of another version is asked nothing, and both are named.
#[tokio::test]
async fn an_owner_of_another_version_is_told_apart() {
    let state = State::new("windlass.db");
    let listener = tokio::net::UnixListener::bind(socket_path(&state.file)).expect("it is free");
    let owner = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        let hello = b"{\"protocol\":1,\"windlass\":\"0.0.9\",\"pid\":4711,\"more\":true}\n";
        stream.write_all(hello).await.expect("it listens");
        let mut asked = String::new();
        stream.read_to_string(&mut asked).await.expect("it ends");
        asked
    });
    let call = Call::place(&state.file, &forgive("1.0.0")).await;
    let error = call.map(|_| ()).expect_err("it is another one");
    insta::assert_snapshot!("another_version", error.to_string());
    assert_eq!(owner.await.expect("it does not panic"), "");
}

/// What an owner says that this program does not know is no lost connection.
#[tokio::test]
async fn an_answer_that_is_not_known_is_told_as_such() {
    let state = State::new("windlass.db");
    let listener = tokio::net::UnixListener::bind(socket_path(&state.file)).expect("it is free");
    let owner = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        let protocol = windlass_cli::control::PROTOCOL;
        let hello = format!("{{\"protocol\":{protocol},\"windlass\":\"9.9.9\",\"pid\":1}}\n");
        let lines = hello + "\"sung\"\n";
        stream
            .write_all(lines.as_bytes())
            .await
            .expect("it listens");
        stream
    });
    let mut call = Call::place(&state.file, &forgive("1.0.0"))
        .await
        .expect("it speaks our version");
    let answer = call.next().await;
    assert!(
        matches!(answer, Err(CallError::NotUnderstood(_))),
        "{answer:?}"
    );
    drop(owner);
}
