use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use crate::error::Error;

/// Reads a request's body, at most `limit` bytes of it. A body that comes in one piece is not copied.
pub(crate) async fn read_body<B: Body<Data = Bytes>>(
    body: B,
    limit: usize,
) -> Result<Bytes, Error> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(Error::TooLarge { limit });
    }
    let mut body = pin!(body);
    let mut whole = Pieces::None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::CallerGone)?;
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + piece.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        whole = whole.and(piece, announced as usize);
    }
    Ok(whole.into_bytes())
}

enum Pieces {
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Pieces {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(piece) => piece.len(),
            Self::Many(all) => all.len(),
        }
    }

    fn and(self, piece: Bytes, announced: usize) -> Self {
        match self {
            Self::None => Self::One(piece),
            Self::One(first) => {
                let mut all = BytesMut::with_capacity(announced.max(first.len() + piece.len()));
                all.extend_from_slice(&first);
                all.extend_from_slice(&piece);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&piece);
                Self::Many(all)
            }
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::One(piece) => piece,
            Self::Many(all) => all.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn in_pieces(pieces: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))
            .collect();
        StreamBody::new(tokio_stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_not_a_byte_more() {
        for pieces in [&[][..], &["abc"], &["a", "", "bc"]] {
            let whole = read_body(in_pieces(pieces), 3).await.unwrap();
            assert_eq!(&whole[..], pieces.concat().as_bytes());
        }
        for pieces in [&["abcd"][..], &["ab", "cd"]] {
            assert!(matches!(
                read_body(in_pieces(pieces), 3).await,
                Err(Error::TooLarge { limit: 3 })
            ));
        }
        let announced = Full::new(Bytes::from_static(b"abcd"));
        assert!(matches!(read_body(announced, 3).await, Err(Error::TooLarge { .. })));
    }
}
