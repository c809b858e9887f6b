//! Brings a file to hosts of a cluster, all at once, as `slipway up` brings an image archive: `push CLUSTER FILE TARGET HOST...`.
//! `scripts/bench push` runs it side by side with scp; without arguments it has nothing to do.

#![allow(clippy::unwrap_used, reason = "a benchmark that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "what it measures is its output")]

use std::{env, fs::File, path::PathBuf, sync::Arc, time::Instant};

use slipway::{
    config, lower,
    step::{Step, StepId, Upload},
    transport::{Ask, Transport},
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [cluster, from, to, hosts @ ..] = &arguments[..] else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(push(PathBuf::from(cluster), PathBuf::from(from), PathBuf::from(to), hosts));
}

async fn push(cluster: PathBuf, from: PathBuf, to: PathBuf, hosts: &[String]) {
    let cluster = config::load(&cluster).unwrap();
    let began = Instant::now();
    let sha256 = lower::sha256_of(File::open(&from).unwrap()).unwrap();
    let hashed = began.elapsed();
    let upload = Upload { from: from.clone(), to, sha256 };
    let step = Arc::new(Step::new(StepId::new("host", "install", "archive"), "a file", "").upload(upload.clone()));
    let mut tasks = tokio::task::JoinSet::new();
    for host in cluster.hosts.into_iter().filter(|host| hosts.contains(&host.name)) {
        let (step, upload) = (Arc::clone(&step), upload.clone());
        tasks.spawn(async move {
            let transport = Transport::connect(&host.address, &host.reach, Ask::new(|_| None)).await.unwrap();
            let (mut first, mut last) = (None, 0);
            let mut progress = |sent, _| {
                first.get_or_insert(sent);
                last = sent;
            };
            let mut said = Vec::new();
            let program = lower::upload_program(&step, &upload);
            let exit = transport.upload(&program, &upload.from, &mut |line| said.push(line.text), &mut progress).await.unwrap();
            assert!([lower::UNCHANGED, lower::CHANGED].contains(&exit.status), "{}: {said:?}", host.name);
            last - first.unwrap_or(0)
        });
    }
    let count = tasks.len();
    let sent: u64 = tasks.join_all().await.into_iter().sum();
    println!(
        "{count} hosts, {} ms, {} ms of them for the checksum here, {sent} bytes sent",
        began.elapsed().as_millis(),
        hashed.as_millis()
    );
}
