//! Fields of protobuf messages, where they lie: nothing is copied, and nothing is allocated.

use crate::WireError;

/// prost and the other decoders follow messages in messages so deep.
const DEEPEST: u32 = 100;

/// A stretch of the body that holds a message, and how deep it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    start: usize,
    end: usize,
    depth: u32,
}

/// A field's content. Each accessor is an error if the field has another wire type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) tag: u32,
    at: usize,
    depth: u32,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes { start: usize, end: usize },
    Group,
}

/// A message's fields, one after the other.
pub(super) struct Fields<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
    depth: u32,
}

impl Message {
    /// The whole body as one message.
    pub(super) const fn whole(body: &[u8]) -> Self {
        Self { start: 0, end: body.len(), depth: 0 }
    }

    pub(super) const fn fields(self, body: &[u8]) -> Fields<'_> {
        Fields { body, at: self.start, end: self.end, depth: self.depth }
    }

    /// How many fields of that number the message has, as far as it can be read.
    pub(super) fn count(self, body: &[u8], tag: u32) -> usize {
        let mut fields = self.fields(body);
        std::iter::from_fn(|| fields.next().ok().flatten()).filter(|field| field.tag == tag).count()
    }
}

impl Field {
    const fn wrong(&self) -> WireError {
        WireError::WireType { tag: self.tag, at: self.at }
    }

    pub(super) const fn varint(&self) -> Result<u64, WireError> {
        if let Content::Varint(number) = self.content { Ok(number) } else { Err(self.wrong()) }
    }

    /// A 32-bit number as it is written: 64 bits, of which the upper are its sign or nothing.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "protobuf says: the upper bits are dropped"
    )]
    pub(super) const fn varint32(&self) -> Result<u32, WireError> {
        match self.varint() {
            Ok(number) => Ok(number as u32),
            Err(error) => Err(error),
        }
    }

    pub(super) const fn fixed64(&self) -> Result<u64, WireError> {
        if let Content::Fixed64(number) = self.content { Ok(number) } else { Err(self.wrong()) }
    }

    pub(super) const fn fixed32(&self) -> Result<u32, WireError> {
        if let Content::Fixed32(number) = self.content { Ok(number) } else { Err(self.wrong()) }
    }

    /// Where its bytes lie in the body.
    pub(super) const fn range(&self) -> Result<std::ops::Range<usize>, WireError> {
        if let Content::Bytes { start, end } = self.content {
            Ok(start..end)
        } else {
            Err(self.wrong())
        }
    }

    pub(super) fn message(&self) -> Result<Message, WireError> {
        let std::ops::Range { start, end } = self.range()?;
        if self.depth >= DEEPEST {
            return Err(WireError::Nesting);
        }
        Ok(Message { start, end, depth: self.depth + 1 })
    }
}

impl Fields<'_> {
    /// The next field; `None` at the end of the message.
    pub(super) fn next(&mut self) -> Result<Option<Field>, WireError> {
        if self.at == self.end {
            return Ok(None);
        }
        let at = self.at;
        let key = self.varint()?;
        let tag = u32::try_from(key >> 3).ok().filter(|tag| *tag > 0).ok_or(self.damaged())?;
        // The wire type of a group's end stands alone only where there is no group.
        let content = match key & 7 {
            0 => Content::Varint(self.varint()?),
            1 => Content::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                let start = self.skip(len)?;
                Content::Bytes { start, end: self.at }
            }
            3 => {
                self.skip_group(tag)?;
                Content::Group
            }
            5 => Content::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return Err(self.damaged()),
        };
        Ok(Some(Field { tag, at, depth: self.depth, content }))
    }

    const fn damaged(&self) -> WireError {
        WireError::Field { at: self.at }
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.body[..self.end].get(self.at).ok_or(self.damaged())?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let start = self.skip(N)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.body[start..self.at]);
        Ok(bytes)
    }

    /// Passes over so many bytes; answers where they begin.
    fn skip(&mut self, len: usize) -> Result<usize, WireError> {
        let start = self.at;
        if len > self.end - start {
            return Err(self.damaged());
        }
        self.at = start + len;
        Ok(start)
    }

    /// Passes over a group, a form that no message of OTLP has: no group holds one of its own number in here.
    fn skip_group(&mut self, tag: u32) -> Result<(), WireError> {
        let mut open = vec![tag];
        while let Some(innermost) = open.last() {
            let key = self.varint()?;
            let tag = u32::try_from(key >> 3).ok().filter(|tag| *tag > 0).ok_or(self.damaged())?;
            match key & 7 {
                0 => drop(self.varint()?),
                1 => drop(self.skip(8)?),
                2 => {
                    let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                    self.skip(len)?;
                }
                3 if open.len() < DEEPEST as usize => open.push(tag),
                4 if tag == *innermost => drop(open.pop()),
                5 => drop(self.skip(4)?),
                _ => return Err(self.damaged()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(body: &[u8]) -> Result<Vec<Field>, WireError> {
        let mut fields = Message::whole(body).fields(body);
        let mut found = Vec::new();
        while let Some(field) = fields.next()? {
            found.push(field);
        }
        Ok(found)
    }

    #[test]
    fn fields_of_every_wire_type_are_found() {
        let body = [
            0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0x25, 2, 0, 0,
            0,
        ];
        let fields = all(&body).expect("is good");
        assert_eq!(fields.iter().map(|field| field.tag).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(fields[0].varint(), Ok(150));
        assert_eq!(fields[1].range(), Ok(5..7));
        assert_eq!(fields[2].fixed64(), Ok(1));
        assert_eq!(fields[3].fixed32(), Ok(2));
        assert_eq!(fields[0].range(), Err(WireError::WireType { tag: 1, at: 0 }));
        assert_eq!(Message::whole(&body).count(&body, 2), 1);
    }

    #[test]
    fn what_is_cut_off_or_no_field_is_damage() {
        for body in [
            &[0x08][..],
            &[0x08, 0x80],
            &[0x12, 3, 1, 2],
            &[0x19, 1],
            &[0x00, 1],
            &[0x0e],
            &[0x0c],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        ] {
            assert!(matches!(all(body), Err(WireError::Field { .. })), "{body:?}");
        }
    }

    #[test]
    fn groups_are_passed_over_with_all_that_is_in_them() {
        let body = [0x0b, 0x08, 1, 0x13, 0x12, 1, 9, 0x14, 0x0c, 0x08, 5];
        let fields = all(&body).expect("is good");
        assert_eq!((fields.len(), fields[1].varint()), (2, Ok(5)));
        assert!(fields[0].varint().is_err());
        assert!(all(&[0x0b, 0x14]).is_err(), "the end of another group");
    }
}
