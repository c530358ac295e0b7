use std::io::Read;
use std::str::FromStr;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::DecodeError;

/// Largest window that a zstd body may ask for, as a power of two: 32 MiB.
const ZSTD_WINDOW_LOG: u32 = 25;

/// How a body is compressed: its `Content-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// zlib, or the raw deflate that some senders mean by it.
    Deflate,
}

impl Encoding {
    /// The encoding that a `Content-Encoding` header names; no header means none.
    ///
    /// # Errors
    /// When it names one that we do not know.
    pub fn of(header: Option<&str>) -> Result<Self, DecodeError> {
        header.map_or(Ok(Self::Identity), str::parse)
    }
}

impl FromStr for Encoding {
    type Err = DecodeError;

    fn from_str(header: &str) -> Result<Self, DecodeError> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "deflate" => Ok(Self::Deflate),
            _ => Err(DecodeError::ContentEncoding { given: printable(header) }),
        }
    }
}

/// How a request or an answer is written: its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`, in OTLP's JSON mapping.
    Json,
}

impl Format {
    /// The format that a `Content-Type` header names, parameters ignored; no header means JSON.
    ///
    /// # Errors
    /// When it names one that OTLP does not have.
    pub fn of(header: Option<&str>) -> Result<Self, DecodeError> {
        header.map_or(Ok(Self::Json), str::parse)
    }

    /// The `Content-Type` of this format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

impl FromStr for Format {
    type Err = DecodeError;

    fn from_str(header: &str) -> Result<Self, DecodeError> {
        let essence = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-protobuf" | "application/protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            _ => Err(DecodeError::ContentType { given: printable(header) }),
        }
    }
}

fn printable(header: &str) -> String {
    header.chars().take(80).collect()
}

/// Undoes a content encoding, and stops once more than `max` bytes came out: a bomb costs no more.
///
/// # Errors
/// When the body is larger than `max` bytes, or damaged.
pub fn inflate(body: Bytes, encoding: Encoding, max: usize) -> Result<Bytes, DecodeError> {
    match encoding {
        Encoding::Identity if body.len() > max => {
            Err(DecodeError::TooLarge { max_bytes: max, compressed: false })
        }
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_up_to(MultiGzDecoder::new(&*body), "gzip", body.len(), max),
        Encoding::Zstd => {
            let damaged = |source| DecodeError::Compression { encoding: "zstd", source };
            let mut reader = zstd::stream::read::Decoder::with_buffer(&*body).map_err(damaged)?;
            reader.window_log_max(ZSTD_WINDOW_LOG).map_err(damaged)?;
            read_up_to(reader, "zstd", body.len(), max)
        }
        Encoding::Deflate if is_zlib(&body) => {
            read_up_to(ZlibDecoder::new(&*body), "deflate", body.len(), max)
        }
        Encoding::Deflate => read_up_to(DeflateDecoder::new(&*body), "deflate", body.len(), max),
    }
}

/// A zlib header: method 8, and the two bytes are a multiple of 31 (RFC 1950).
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31))
}

fn read_up_to(
    reader: impl Read,
    encoding: &'static str,
    compressed: usize,
    max: usize,
) -> Result<Bytes, DecodeError> {
    let mut out = Vec::with_capacity(compressed.saturating_mul(4).min(max).min(4 << 20));
    let one_more = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    match reader.take(one_more).read_to_end(&mut out) {
        _ if out.len() > max => Err(DecodeError::TooLarge { max_bytes: max, compressed: true }),
        Ok(_) => Ok(Bytes::from(out)),
        Err(source) => Err(DecodeError::Compression { encoding, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1 << 20;

    fn gzip(body: &[u8]) -> Bytes {
        let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
        writer.write_all(body).unwrap();
        writer.finish().unwrap().into()
    }

    fn each_way(body: &[u8]) -> Vec<(Encoding, Bytes)> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(body).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(body).unwrap();
        vec![
            (Encoding::Identity, Bytes::copy_from_slice(body)),
            (Encoding::Gzip, gzip(body)),
            (Encoding::Zstd, zstd::encode_all(body, 3).unwrap().into()),
            (Encoding::Deflate, zlib.finish().unwrap().into()),
            (Encoding::Deflate, raw.finish().unwrap().into()),
        ]
    }

    #[test]
    fn headers_are_read_with_case_parameters_and_absence() {
        assert_eq!(
            Format::of(Some("Application/X-Protobuf; charset=utf-8")).unwrap(),
            Format::Protobuf
        );
        assert_eq!(Format::of(Some("application/json;charset=utf-8")).unwrap(), Format::Json);
        assert_eq!(Format::of(None).unwrap(), Format::Json);
        assert_eq!(Encoding::of(Some(" GZIP ")).unwrap(), Encoding::Gzip);
        assert_eq!(Encoding::of(None).unwrap(), Encoding::Identity);
        let error = Format::of(Some("text/plain")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "content type \"text/plain\" is not supported: send application/x-protobuf or application/json"
        );
        assert!(matches!(Encoding::of(Some("br")), Err(DecodeError::ContentEncoding { .. })));
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < MAX);
        let error = inflate(bomb, Encoding::Gzip, MAX).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { max_bytes: MAX, compressed: true }));
        assert_eq!(
            error.to_string(),
            "the body is larger than 1048576 bytes after decompression: send smaller batches"
        );
        assert_eq!(error.fault().class, fault::Class::TooLarge);
        let zstd: Bytes = zstd::encode_all(&*vec![0; 64 << 20], 3).unwrap().into();
        assert!(matches!(inflate(zstd, Encoding::Zstd, MAX), Err(DecodeError::TooLarge { .. })));
    }

    #[test]
    fn the_bound_itself_is_allowed_and_one_more_is_not() {
        for (encoding, body) in each_way(&[7; 1000]) {
            assert_eq!(inflate(body.clone(), encoding, 1000).unwrap().len(), 1000);
            assert!(
                matches!(inflate(body, encoding, 999), Err(DecodeError::TooLarge { .. })),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn a_body_that_is_not_what_its_header_says_is_named() {
        let error = inflate(Bytes::from_static(b"{}"), Encoding::Gzip, MAX).unwrap_err();
        assert!(error.to_string().starts_with("the body is no valid gzip data"), "{error}");
        let cut = gzip(b"some text that is long enough").slice(..20);
        assert!(matches!(inflate(cut, Encoding::Gzip, MAX), Err(DecodeError::Compression { .. })));
    }

    proptest! {
        #[test]
        fn every_encoding_comes_back(body: Vec<u8>) {
            for (encoding, compressed) in each_way(&body) {
                prop_assert_eq!(&*inflate(compressed, encoding, MAX).unwrap(), &*body);
            }
        }

        #[test]
        fn any_bytes_inflate_or_are_an_error(body: Vec<u8>) {
            for encoding in [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
                let _ = inflate(Bytes::from(body.clone()), encoding, 4096);
            }
        }
    }
}
