//! Work shared among so many at once.

use std::time::Duration;

use tokio::time::Instant;

/// Does `count` pieces of work by so many workers, each one after the other; how long it took.
pub async fn share<W>(count: u64, workers: u64, work: impl Fn(u64) -> W) -> Duration
where
    W: Future<Output = ()> + Send + 'static,
{
    let shares: Vec<Vec<W>> = (0..workers)
        .map(|worker| {
            let numbers = (worker..count).step_by(workers as usize);
            numbers.map(&work).collect()
        })
        .collect();
    let began = Instant::now();
    let running: Vec<_> = shares
        .into_iter()
        .map(|share| {
            tokio::spawn(async move {
                for one in share {
                    one.await;
                }
            })
        })
        .collect();
    for worker in running {
        worker.await.expect("a worker ends well");
    }
    began.elapsed()
}
