use super::*;
use crate::body::Stream;

fn put(outbox: &Outbox, size: usize) {
    outbox.put(|sequence| Bytes::from(format!("{sequence}:{}", "x".repeat(size))));
}

fn reading(reader: Reader) -> mpsc::Receiver<Chunk> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(reader.run(sender));
    receiver
}

/// The number of the next event; none at the end.
async fn next(receiver: &mut mpsc::Receiver<Chunk>) -> Option<u64> {
    match receiver.recv().await {
        Some(Chunk::Data(event)) => {
            str::from_utf8(&event).unwrap().split_once(':').map(|(number, _)| number.parse().unwrap())
        }
        Some(Chunk::End) | None => None,
    }
}

#[tokio::test]
async fn what_waits_is_read_once_and_again_from_an_event_on() {
    let outbox = Outbox::new(Kept::default());
    (0..3).for_each(|_| put(&outbox, 1));
    let mut first = reading(outbox.read());
    assert_eq!([next(&mut first).await, next(&mut first).await], [Some(1), Some(2)]);
    let mut second = reading(outbox.read_after(1).unwrap());
    assert_eq!([next(&mut second).await, next(&mut second).await], [Some(2), Some(3)]);
    put(&outbox, 1);
    outbox.end();
    put(&outbox, 1);
    assert_eq!([next(&mut second).await, next(&mut second).await], [Some(4), None]);
    assert!(outbox.read_after(5).is_none(), "an event that there never was");
}

#[tokio::test]
async fn one_that_takes_over_ends_the_other() {
    let outbox = Outbox::new(Kept::default());
    let mut first = reading(outbox.read());
    let mut second = reading(outbox.read());
    assert!(matches!(first.recv().await, Some(Chunk::End)));
    put(&outbox, 1);
    assert_eq!(next(&mut second).await, Some(1));
    drop(second);
    outbox.until(|state| state.reader.is_none().then_some(())).await;
    assert!(!outbox.has_reader());
}

#[tokio::test]
async fn what_is_kept_is_bounded_by_number_by_size_and_in_all() {
    let all = Kept::default();
    let outbox = Outbox::new(all.clone());
    (0..MAX_EVENTS + 10).for_each(|_| put(&outbox, 1));
    assert!(outbox.read_after(9).is_none() && outbox.read_after(10).is_some());
    (0..4).for_each(|_| put(&outbox, MAX_BYTES / 2));
    assert!(all.load(Relaxed) <= MAX_BYTES);
    put(&outbox, MAX_BYTES * 2);
    assert_eq!(outbox.state.lock().kept.len(), 1, "the last is there to be read");
    let mut reader = reading(outbox.read());
    assert!(next(&mut reader).await.is_some());
    outbox.until(|state| state.kept.is_empty().then_some(())).await;
    assert_eq!(all.load(Relaxed), 0);
    all.store(MAX_ALL_BYTES, Relaxed);
    (0..3).for_each(|_| put(&outbox, 1));
    assert_eq!(outbox.state.lock().kept.len(), 1);
    drop(reader);
}

#[tokio::test(start_paused = true)]
async fn a_writer_waits_for_who_reads_and_for_nobody_else() {
    let outbox = Outbox::new(Kept::default());
    for _ in 0..MAX_EVENTS {
        outbox.put_in_turn(|_| Bytes::from_static(b"0:")).await;
    }
    let reader = outbox.read();
    let full = tokio::time::timeout(Duration::from_secs(1), outbox.put_in_turn(|_| Bytes::new()));
    assert!(full.await.is_err());
    drop(reader);
    outbox.put_in_turn(|_| Bytes::new()).await;
    assert!(!outbox.is_left());
    tokio::time::advance(KEPT + Duration::from_secs(1)).await;
    assert!(outbox.is_left());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_is_not_taken_for_whole_and_a_silent_one_lives() {
    let outbox = Outbox::new(Kept::default());
    let mut silent = reading(outbox.read());
    let Some(Chunk::Data(sign)) = silent.recv().await else { panic!("a sign of life") };
    assert_eq!(sign, ": \n\n");
    outbox.cut();
    assert!(silent.recv().await.is_none(), "no end");
    let (_, stream) = Stream::channel(1);
    assert!(!stream.goes_on);
}
