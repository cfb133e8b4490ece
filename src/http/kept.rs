//! Which frames of a body are kept for further attempts, and what an attempt sends next.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

/// More frames than this are not kept: the list itself stays within 32 KiB, whatever the client's chunks.
const MOST_FRAMES: usize = 1024;

/// What has been read of a body, as far as it is kept.
#[derive(Debug)]
pub(super) struct Kept {
    frames: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    bytes: usize,
    cap: usize,
    /// The latest attempt that has begun: it alone may read on.
    turn: u32,
    story: Story,
    keeping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Nothing has been read.
    Untouched,
    /// All that has been read is kept.
    Whole,
    /// And the end has been seen.
    Complete,
    /// Something was read that is not kept.
    Torn,
    /// Something was read that was not kept, and then the end was seen.
    TornToTheEnd,
    /// The original failed.
    Failed,
}

/// What an attempt sends next.
#[derive(Debug)]
pub(super) enum Next {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    /// What the original gives.
    Original,
    /// Nothing any more: what it would send is gone, or is another's.
    Lost,
}

impl Kept {
    pub(super) const fn new(cap: usize) -> Self {
        Self {
            frames: Vec::new(),
            trailers: None,
            bytes: 0,
            cap,
            turn: 0,
            story: Story::Untouched,
            keeping: false,
        }
    }

    /// From here on what is read is kept, if nothing was lost before.
    pub(super) const fn keep(&mut self) {
        self.keeping = true;
    }

    /// Whether an attempt that begins now would send the whole.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.story, Story::Untouched | Story::Whole | Story::Complete)
    }

    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.story, Story::Complete)
    }

    /// An attempt begins; the earlier ones read no further. 0 if there is no beginning any more.
    pub(super) const fn begin(&mut self) -> u32 {
        if !self.is_whole() {
            return 0;
        }
        self.turn += 1;
        self.turn
    }

    /// What the attempt `turn` sends after its first `sent` frames.
    pub(super) fn next(&self, turn: u32, sent: usize) -> Next {
        if turn == 0 {
            return Next::Lost;
        }
        // Nothing stands in these two once something was lost.
        if let Some(data) = self.frames.get(sent) {
            return Next::Data(data.clone());
        }
        if let Some(trailers) = &self.trailers
            && sent == self.frames.len()
        {
            return Next::Trailers(trailers.clone());
        }
        match self.story {
            Story::Complete => Next::End,
            _ if turn != self.turn => Next::Lost,
            Story::TornToTheEnd => Next::End,
            Story::Untouched | Story::Whole | Story::Torn => Next::Original,
            Story::Failed => Next::Lost,
        }
    }

    /// Whether an attempt that has sent so many frames is at its end.
    pub(super) fn ends_after(&self, sent: usize) -> bool {
        match self.story {
            Story::Complete => sent >= self.frames.len() + usize::from(self.trailers.is_some()),
            Story::TornToTheEnd => true,
            Story::Untouched | Story::Whole | Story::Torn | Story::Failed => false,
        }
    }

    /// The original gave `frame` to the attempt `turn`. What it gives to one that has been overtaken meanwhile is
    /// kept in any case: the latest waits for just that.
    pub(super) fn push(&mut self, frame: &Frame<Bytes>, turn: u32) {
        let overtaken = turn != self.turn;
        // Nothing comes after trailers; if it does, the order is not kept, and so neither is the body.
        if !self.is_whole() || !(self.keeping || overtaken) || self.trailers.is_some() {
            return self.tear();
        }
        if let Some(data) = frame.data_ref() {
            let bytes = self.bytes.saturating_add(data.len());
            if !overtaken && (bytes > self.cap || self.frames.len() >= MOST_FRAMES) {
                return self.tear();
            }
            self.bytes = bytes;
            self.frames.push(data.clone());
        } else {
            self.trailers = frame.trailers_ref().cloned();
        }
        self.story = Story::Whole;
    }

    /// The original is at its end.
    pub(super) const fn end(&mut self) {
        self.story = match self.story {
            Story::Untouched | Story::Whole | Story::Complete => Story::Complete,
            Story::Torn | Story::TornToTheEnd => Story::TornToTheEnd,
            Story::Failed => Story::Failed,
        };
    }

    /// The original failed, and so does every attempt to send it.
    pub(super) fn fail(&mut self) {
        self.tear();
        self.story = Story::Failed;
    }

    fn tear(&mut self) {
        if self.story != Story::Failed {
            self.story = Story::Torn;
        }
        self.frames = Vec::new();
        self.trailers = None;
    }
}
