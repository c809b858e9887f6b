//! A wire between a client and a host, both in this process: it delays, slices, counts, and breaks where it is told to.

use std::{
    collections::VecDeque,
    future::Future,
    io::{Error, ErrorKind, Result},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// Bytes that are on their way in one direction before the writer has to wait, and that a stalled wire still swallows.
const ROOM: usize = 256 * 1024;

/// How a wire breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Both ends are told that the other has closed.
    Fin,
    /// Both ends get an error, and lose what is under way.
    Rst,
    /// Nobody is told anything, and nothing arrives any more.
    Stall,
}

pub(crate) const HOWS: [How; 3] = [How::Fin, How::Rst, How::Stall];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Host = 0,
    Us = 1,
}

/// What a wire does to those who use it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// The way in one direction.
    pub(crate) delay: Duration,
    /// Bytes of one read or write; none for as many as there are.
    pub(crate) slice: Option<usize>,
    /// Breaks when this many bytes have gone in this direction.
    pub(crate) cut: Option<(To, usize, How)>,
}

/// One wire, as whoever watches it has it.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<State>>);

struct State {
    manner: Manner,
    flows: [Flow; 2],
    broken: Option<How>,
}

#[derive(Default)]
struct Flow {
    pieces: VecDeque<(Instant, VecDeque<u8>)>,
    on_the_way: usize,
    /// Bytes that were ever written.
    sent: usize,
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Flow {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

impl Wire {
    /// The ends of a client and of a host.
    pub(crate) fn new(manner: Manner) -> (Self, End, End) {
        let wire = Self(Arc::new(Mutex::new(State { manner, flows: Default::default(), broken: None })));
        let end = |writes| End { wire: wire.clone(), writes, nap: None };
        let ends = (end(To::Host), end(To::Us));
        (wire, ends.0, ends.1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// How many bytes went each way.
    pub(crate) fn sent(&self) -> [usize; 2] {
        self.state().flows.each_ref().map(|flow| flow.sent)
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.state().broken.is_some()
    }
}

/// One end of a wire.
pub(crate) struct End {
    wire: Wire,
    writes: To,
    nap: Option<Pin<Box<Sleep>>>,
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let mut state = self.wire.state();
        let State { manner, flows, broken } = &mut *state;
        let flow = &mut flows[self.writes as usize];
        if flow.is_closed || matches!(broken, Some(How::Fin | How::Rst)) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if flow.on_the_way >= ROOM {
            flow.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let taken = bytes.len().min(manner.slice.unwrap_or(usize::MAX));
        let mut gone = taken;
        let cut = manner.cut.filter(|(to, at, _)| *to == self.writes && flow.sent + taken >= *at && broken.is_none());
        if let Some((_, at, _)) = cut {
            gone = at - flow.sent.min(at);
        }
        flow.sent += gone;
        if broken.is_none() && gone > 0 {
            flow.pieces.push_back((Instant::now() + manner.delay, bytes[..gone].iter().copied().collect()));
        }
        flow.on_the_way += taken;
        flow.reader.take().into_iter().for_each(Waker::wake);
        if let Some((.., how)) = cut {
            *broken = Some(how);
            if how == How::Rst {
                flows.iter_mut().for_each(|flow| flow.pieces.clear());
            }
            flows.iter_mut().for_each(Flow::wake);
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        self.hang_up();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let wire = self.wire.clone();
        let mut state = wire.state();
        let State { manner, flows, broken } = &mut *state;
        let flow = &mut flows[1 - self.writes as usize];
        if *broken == Some(How::Rst) {
            return Poll::Ready(Err(Error::from(ErrorKind::ConnectionReset)));
        }
        let Some((due, piece)) = flow.pieces.front_mut() else {
            if flow.is_closed || *broken == Some(How::Fin) {
                return Poll::Ready(Ok(()));
            }
            flow.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        if *due > Instant::now() {
            let mut nap = Box::pin(tokio::time::sleep_until(*due));
            if nap.as_mut().poll(context).is_pending() {
                self.nap = Some(nap);
                return Poll::Pending;
            }
        }
        let length = piece.len().min(into.remaining()).min(manner.slice.unwrap_or(usize::MAX));
        let bytes: Vec<u8> = piece.drain(..length).collect();
        into.put_slice(&bytes);
        if piece.is_empty() {
            flow.pieces.pop_front();
        }
        flow.on_the_way -= length;
        flow.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl End {
    fn hang_up(&self) {
        let flow = &mut self.wire.state().flows[self.writes as usize];
        flow.is_closed = true;
        flow.wake();
    }
}

impl Drop for End {
    /// Whoever drops a socket writes no more, and lets nobody write to it.
    fn drop(&mut self) {
        let mut state = self.wire.state();
        if state.broken != Some(How::Stall) {
            state.flows.iter_mut().for_each(|flow| {
                flow.is_closed = true;
                flow.wake();
            });
        }
    }
}
