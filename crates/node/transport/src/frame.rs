//! Frames: a length of four big-endian bytes, then so many bytes. An empty frame is a ping
//! (TRN-05).

use crate::limits::{FRAME_BYTES_MAX, SILENCE_MAX};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Reads the length of the next frame; `None` at the end of the channel.
///
/// # Errors
/// Silence beyond [`SILENCE_MAX`], a length beyond [`FRAME_BYTES_MAX`] (TRN-06), a broken
/// channel.
pub(crate) async fn read_length(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<usize>> {
    let mut length = [0; 4];
    let first = timeout(SILENCE_MAX, stream.read(&mut length)).await.map_err(|_| silent())??;
    if first == 0 {
        return Ok(None);
    }
    let rest = length.get_mut(first..).unwrap_or_default();
    timeout(SILENCE_MAX, stream.read_exact(rest)).await.map_err(|_| silent())??;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        let text = format!("a frame of {length} bytes, at most {FRAME_BYTES_MAX} are allowed");
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    Ok(Some(length))
}

/// Reads a frame's bytes. Memory is taken as they arrive, not as they are announced.
///
/// # Errors
/// Silence within the frame, a broken channel.
pub(crate) async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    length: usize,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = stream.take(u64::try_from(length).unwrap_or(u64::MAX));
    while bytes.len() < length {
        let read = timeout(SILENCE_MAX, rest.read_buf(&mut bytes)).await;
        if read.map_err(|_| silent())?? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}

/// Writes a frame; it may stay in a buffer until the next flush.
///
/// # Errors
/// The peer does not take it within [`SILENCE_MAX`], a broken channel.
pub(crate) async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| ErrorKind::InvalidInput)?;
    let both = async {
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(bytes).await
    };
    timeout(SILENCE_MAX, both).await.map_err(|_| silent())?
}

/// Sends everything that is in buffers.
///
/// # Errors
/// As [`write`].
pub(crate) async fn flush(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    timeout(SILENCE_MAX, stream.flush()).await.map_err(|_| silent())?
}

fn silent() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the peer was silent for too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut stream = bytes;
        match read_length(&mut stream).await? {
            Some(length) => read_body(&mut stream, length).await.map(Some),
            None => Ok(None),
        }
    }

    #[tokio::test]
    async fn trn_05_frames_arrive_whole_or_not_at_all() {
        for length in [0, 1, 3, 70_000, FRAME_BYTES_MAX] {
            let frame = vec![7; length];
            let mut wire = Vec::new();
            write(&mut wire, &frame).await.unwrap();
            assert_eq!(read(&wire).await.unwrap(), Some(frame));
            let cut = read(&wire[..wire.len() - 1]).await;
            assert_eq!(cut.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
        assert_eq!(read(&[]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn neg_015_an_announced_length_costs_nothing() {
        let too_long = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
        for length in [too_long, u32::MAX] {
            let error = read_length(&mut &length.to_be_bytes()[..]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
        }
        let announced = read_body(&mut &b"few"[..], FRAME_BYTES_MAX).await;
        assert_eq!(announced.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
