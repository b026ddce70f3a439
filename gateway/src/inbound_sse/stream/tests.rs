use std::future::pending;

use tokio::time::Instant;

use super::*;

fn opened() -> (Arc<SseStream>, Stream) {
    SseStream::open(("/sse", Side::Outside), Bytes::from_static(b"first"))
}

async fn next(body: &mut Stream) -> Option<Bytes> {
    match body.next().await {
        Some(Chunk::Data(event)) => Some(event),
        Some(Chunk::End) | None => None,
    }
}

#[tokio::test(start_paused = true)]
async fn r13_a_stream_shows_that_it_lives() {
    let (stream, mut body) = opened();
    let kept = stream.clone();
    tokio::spawn(async move { kept.keep(pending()).await });
    assert_eq!(next(&mut body).await.unwrap(), "first");
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(next(&mut body).await.unwrap(), event::COMMENT);
    }
    assert_eq!(began.elapsed(), KEEP_ALIVE * 3);
}

#[tokio::test(start_paused = true)]
async fn r13_a_client_that_takes_nothing_is_cut_off() {
    let (stream, mut body) = opened();
    let keeping = tokio::spawn({
        let stream = stream.clone();
        async move { stream.keep(pending()).await }
    });
    let began = Instant::now();
    for _ in 0..QUEUE {
        stream.send(Bytes::from_static(b"more")).await;
    }
    stream.over().await;
    assert_eq!(began.elapsed(), PATIENCE);
    keeping.await.unwrap();
    assert!(matches!(stream.enter().await, Err(Reject::NoSuchSession)), "nothing is taken any more");
    drop(stream);
    for _ in 0..QUEUE {
        assert!(next(&mut body).await.is_some());
    }
    assert!(body.next().await.is_none(), "cut, and not ended as if this were all");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_for_a_client_that_left_is_over() {
    let (stream, body) = opened();
    let keeping = tokio::spawn({
        let stream = stream.clone();
        async move { stream.keep(pending()).await }
    });
    drop(body);
    stream.over().await;
    keeping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn r13_requests_wait_for_their_turn_but_not_for_ever() {
    let (stream, _body) = opened();
    let mut places = Vec::new();
    for _ in 0..REQUESTS {
        places.push(stream.enter().await.unwrap());
    }
    let began = Instant::now();
    assert!(matches!(stream.enter().await, Err(Reject::Busy)));
    assert_eq!(began.elapsed(), TURN);
    places.pop();
    assert!(stream.enter().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_the_answers_and_is_told() {
    let (stream, mut body) = opened();
    let place = stream.enter().await.unwrap();
    let keeping = tokio::spawn({
        let stream = stream.clone();
        async move { stream.keep(stream.is_idle()).await }
    });
    tokio::task::yield_now().await;
    stream.send(Bytes::from_static(b"answer")).await;
    drop(place);
    keeping.await.unwrap();
    assert_eq!(next(&mut body).await.unwrap(), "first");
    assert_eq!(next(&mut body).await.unwrap(), "answer");
    assert!(matches!(body.next().await, Some(Chunk::End)));
}
