use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn report(revision: u64) -> String {
    format!(
        r#"{{"boot":"00","revision":{revision},"digest":"","schema":4,"reads":[3,4],"source":"api","refused":null,
            "pendingCredentials":0,"ready":true,"unheard":"of"}}"#
    )
}

/// Takes one connection and one request's head.
async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let head = head(&mut stream).await.unwrap();
    (stream, head)
}

async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head).unwrap())
}

async fn answer(stream: &mut TcpStream, body: &str) {
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(response.as_bytes()).await.unwrap();
}

struct Asked {
    listener: TcpListener,
    answers: mpsc::Receiver<(String, Answer)>,
}

async fn asked() -> Asked {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tell, answers) = mpsc::channel(8);
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { revisions(address, TOKEN, "u", &tell).await });
    Asked { listener, answers }
}

impl Asked {
    async fn next(&mut self) -> Option<u64> {
        let (uid, answer) = timeout(Duration::from_secs(30), self.answers.recv()).await.unwrap().unwrap();
        assert_eq!(uid, "u");
        match answer {
            Answer::Report(report) => Some(report.revision),
            Answer::Silent => None,
            Answer::Servers(_) => panic!("nobody asked"),
        }
    }
}

#[tokio::test]
async fn a_pod_is_asked_for_what_is_not_known_yet_and_tells_it_at_once() {
    let mut asked = asked().await;
    let (mut stream, first) = accept(&asked.listener).await;
    assert!(first.starts_with("GET /revision HTTP/1.1\r\n"), "{first}");
    assert!(first.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{first}");
    answer(&mut stream, &report(41)).await;
    assert_eq!(asked.next().await, Some(41));
    // The same connection, and a question that waits.
    let second = head(&mut stream).await.unwrap();
    assert!(second.starts_with("GET /revision?not=41&wait=20 HTTP/1.1\r\n"), "{second}");
    answer(&mut stream, &report(42)).await;
    assert_eq!(asked.next().await, Some(42));
}

#[tokio::test]
async fn r40_a_pod_that_breaks_off_or_answers_nonsense_is_silent_and_asked_from_the_beginning() {
    let mut asked = asked().await;
    let (mut stream, _) = accept(&asked.listener).await;
    answer(&mut stream, &report(7)).await;
    assert_eq!(asked.next().await, Some(7));
    drop(stream);
    assert_eq!(asked.next().await, None);
    let (mut stream, again) = accept(&asked.listener).await;
    assert!(again.starts_with("GET /revision HTTP"), "{again}");
    answer(&mut stream, r#"{"revision": "seven"}"#).await;
    assert_eq!(asked.next().await, None);
}

#[tokio::test]
async fn r40_a_pod_that_takes_the_connection_and_says_nothing_gives_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::open(listener.local_addr().unwrap(), TOKEN).await.unwrap();
    let (_stream, _) = listener.accept().await.unwrap();
    let answer: Option<Report> = connection.get("/revision", Duration::from_millis(50), LARGEST_REPORT).await;
    assert_eq!(answer, None);
}

#[tokio::test]
async fn an_answer_larger_than_any_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = Connection::open(listener.local_addr().unwrap(), TOKEN).await.unwrap();
    let serve = async {
        let (mut stream, _) = accept(&listener).await;
        answer(&mut stream, &report(7)).await;
    };
    let (found, ()) = tokio::join!(connection.get::<Report>("/revision", PATIENCE, 100), serve);
    assert_eq!(found, None);
}
