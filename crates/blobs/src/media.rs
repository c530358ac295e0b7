//! The media type of a part by its first bytes, for kinds that a browser can show without running anything in them.

/// Bytes that stand at a place of every file of a kind.
type Mark = (usize, &'static [u8]);

/// The media type; `None` for what is no image or sound that we know. SVG is a program and not among them.
pub(crate) fn sniff(head: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let known: &[(&[Mark], &str)] = &[
        (&[(0, b"\x89PNG\r\n\x1a\n")], "image/png"),
        (&[(0, b"\xff\xd8\xff")], "image/jpeg"),
        (&[(0, b"GIF87a")], "image/gif"),
        (&[(0, b"GIF89a")], "image/gif"),
        (&[(0, b"RIFF"), (8, b"WEBP")], "image/webp"),
        (&[(4, b"ftypavif")], "image/avif"),
        (&[(0, b"RIFF"), (8, b"WAVE")], "audio/wav"),
        (&[(0, b"ID3")], "audio/mpeg"),
        (&[(0, b"\xff\xfb")], "audio/mpeg"),
        (&[(0, b"\xff\xf3")], "audio/mpeg"),
        (&[(0, b"fLaC")], "audio/flac"),
        (&[(0, b"OggS")], "audio/ogg"),
        (&[(4, b"ftypM4A ")], "audio/mp4"),
    ];
    let fits = |marks: &[Mark]| marks.iter().all(|(offset, magic)| at(*offset, magic));
    known.iter().find(|(marks, _)| fits(marks)).map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_images_and_sounds_and_nothing_else() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (b"\x89PNG\r\n\x1a\n....", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a..", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"RIFF\0\0\0\0AVI ", None),
            (b"ID3\x04", Some("audio/mpeg")),
            (b"<svg onload='alert(1)'>", None),
            (b"<html>", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ];
        for (head, expected) in cases {
            assert_eq!(sniff(head), *expected, "{head:?}");
        }
    }
}
