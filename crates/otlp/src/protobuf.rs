//! Protobuf requests, read where they lie: texts are slices of the body, and every element is paid for from the
//! budget before its memory is taken. A span of two bytes on the wire becomes some 300 bytes of memory: without
//! that, 64 MiB of them would ask for ten gigabytes.
//!
//! Fields that come twice are merged as protobuf says, so that the result is prost's; the tests hold it to that.

pub(crate) mod logs;
pub(crate) mod metrics;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use text::Text;

use crate::model::{
    self, AnyValue, Event, Limits, Link, Rejected, Resource, Scope, Span, Status, Traces,
};
use crate::{DecodeError, WireError};
use wire::{Field, Message};

type Attributes = Vec<(Text, AnyValue)>;

pub(crate) fn decode(body: &Bytes, limits: &Limits) -> Result<Traces, DecodeError> {
    if body.len() > limits.decompressed_bytes {
        return Err(DecodeError::TooLarge {
            max_bytes: limits.decompressed_bytes,
            compressed: false,
        });
    }
    let mut reader = Reader { body, limits, room: limits.decoded_bytes, traces: Traces::default() };
    reader.request(Message::whole(body))?;
    Ok(reader.traces)
}

struct Reader<'a> {
    body: &'a Bytes,
    limits: &'a Limits,
    /// Bytes of memory that may still be taken.
    room: usize,
    traces: Traces,
}

/// A span's fields as they are on the wire.
#[derive(Default)]
struct RawSpan<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: String,
    flags: u32,
    name: Text,
    kind: i32,
    start_ns: u64,
    end_ns: u64,
    attributes: Attributes,
    events: Vec<Event>,
    links: Vec<Link>,
    status: Option<Status>,
}

impl<'a> Reader<'a> {
    /// Takes memory for an element twice over: a list has room for more than it holds while it grows.
    fn take<T>(&mut self) -> Result<(), DecodeError> {
        match self.room.checked_sub(2 * size_of::<T>()) {
            Some(room) => {
                self.room = room;
                Ok(())
            }
            None => Err(DecodeError::TooMany { max_bytes: self.limits.decoded_bytes }),
        }
    }

    /// As many of `count` elements as there is room for.
    const fn most<T>(&self, count: usize) -> usize {
        let room = self.room / (2 * size_of::<T>());
        if count < room { count } else { room }
    }

    fn text(&self, field: &Field) -> Result<Text, WireError> {
        let range = field.range()?;
        let at = range.start;
        Text::try_from(self.body.slice(range)).map_err(|_| WireError::Utf8 { at })
    }

    fn owned(&self, field: &Field) -> Result<String, WireError> {
        let range = field.range()?;
        let at = range.start;
        let text = std::str::from_utf8(&self.body[range]);
        text.map(str::to_owned).map_err(|_| WireError::Utf8 { at })
    }

    fn bytes(&self, field: &Field) -> Result<&'a [u8], WireError> {
        Ok(&self.body[field.range()?])
    }

    fn request(&mut self, request: Message) -> Result<(), DecodeError> {
        let mut fields = request.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == 1 {
                self.resource_spans(field.message()?)?;
            }
        }
        Ok(())
    }

    /// Twice over the fields: the resource belongs to all spans, also where it stands behind them.
    fn resource_spans(&mut self, group: Message) -> Result<(), DecodeError> {
        let mut resource = Resource::default();
        let mut fields = group.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == 1 {
                self.attributes(field.message()?, 1, &mut resource.attributes)?;
            }
        }
        let resource = Arc::new(resource);
        let mut fields = group.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == 2 {
                self.scope_spans(field.message()?, &resource)?;
            }
        }
        Ok(())
    }

    fn scope_spans(&mut self, group: Message, resource: &Arc<Resource>) -> Result<(), DecodeError> {
        let mut scope = Scope::default();
        let mut fields = group.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == 1 {
                self.scope(field.message()?, &mut scope)?;
            }
        }
        let scope = Arc::new(scope);
        self.traces.spans.reserve(self.most::<Span>(group.count(self.body, 2)));
        let mut fields = group.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag != 2 {
                continue;
            }
            let raw = self.span(field.message()?)?;
            match raw.admit(resource, &scope).and_then(|span| span.checked(self.limits)) {
                Ok(span) => self.traces.spans.push(span),
                Err(rejected) => self.traces.rejected.push(rejected),
            }
        }
        Ok(())
    }

    fn scope(&mut self, message: Message, scope: &mut Scope) -> Result<(), DecodeError> {
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                1 => scope.name = self.owned(&field)?,
                2 => scope.version = self.owned(&field)?,
                3 => self.attribute(field.message()?, &mut scope.attributes)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn span(&mut self, message: Message) -> Result<RawSpan<'a>, DecodeError> {
        self.take::<Span>()?;
        let mut span = RawSpan::default();
        let attributes = self.most::<(Text, AnyValue)>(message.count(self.body, 9));
        span.attributes.reserve_exact(attributes);
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                1 => span.trace_id = self.bytes(&field)?,
                2 => span.span_id = self.bytes(&field)?,
                3 => span.trace_state = self.owned(&field)?,
                4 => span.parent_span_id = self.bytes(&field)?,
                5 => span.name = self.text(&field)?,
                6 => span.kind = field.varint32()?.cast_signed(),
                7 => span.start_ns = field.fixed64()?,
                8 => span.end_ns = field.fixed64()?,
                9 => self.attribute(field.message()?, &mut span.attributes)?,
                11 => span.events.push(self.event(field.message()?)?),
                13 => span.links.push(self.link(field.message()?)?),
                15 => self.status(field.message()?, span.status.get_or_insert_default())?,
                16 => span.flags = field.fixed32()?,
                _ => {}
            }
        }
        Ok(span)
    }

    fn status(&self, message: Message, status: &mut Status) -> Result<(), DecodeError> {
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                2 => status.message = self.owned(&field)?,
                3 => status.code = field.varint32()?.cast_signed(),
                _ => {}
            }
        }
        Ok(())
    }

    fn event(&mut self, message: Message) -> Result<Event, DecodeError> {
        self.take::<Event>()?;
        let mut event = Event::default();
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                1 => event.time_ns = field.fixed64()?,
                2 => event.name = self.owned(&field)?,
                3 => self.attribute(field.message()?, &mut event.attributes)?,
                4 => event.dropped_attributes = field.varint32()?,
                _ => {}
            }
        }
        Ok(event)
    }

    fn link(&mut self, message: Message) -> Result<Link, DecodeError> {
        self.take::<Link>()?;
        let mut link = Link::default();
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                1 => link.trace_id = self.bytes(&field)?.to_owned(),
                2 => link.span_id = self.bytes(&field)?.to_owned(),
                3 => link.trace_state = self.owned(&field)?,
                4 => self.attribute(field.message()?, &mut link.attributes)?,
                5 => link.dropped_attributes = field.varint32()?,
                6 => link.flags = field.fixed32()?,
                _ => {}
            }
        }
        Ok(link)
    }

    /// The attributes of a message that has them in its field `tag`.
    fn attributes(
        &mut self,
        message: Message,
        tag: u32,
        attributes: &mut Attributes,
    ) -> Result<(), DecodeError> {
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == tag {
                self.attribute(field.message()?, attributes)?;
            }
        }
        Ok(())
    }

    /// Adds an attribute; one whose value is absent is dropped.
    fn attribute(&mut self, message: Message, to: &mut Attributes) -> Result<(), DecodeError> {
        match self.key_value(message)? {
            (_, AnyValue::Null) => {}
            attribute => to.push(attribute),
        }
        Ok(())
    }

    fn key_value(&mut self, message: Message) -> Result<(Text, AnyValue), DecodeError> {
        self.take::<(Text, AnyValue)>()?;
        let (mut key, mut value) = (Text::default(), AnyValue::Null);
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                1 => key = self.text(&field)?,
                2 => self.value(field.message()?, &mut value)?,
                _ => {}
            }
        }
        Ok((key, value))
    }

    fn value(&mut self, message: Message, value: &mut AnyValue) -> Result<(), DecodeError> {
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            match field.tag {
                1 => *value = AnyValue::Text(self.text(&field)?),
                2 => *value = AnyValue::Bool(field.varint()? != 0),
                3 => *value = AnyValue::Int(field.varint()?.cast_signed()),
                4 => *value = AnyValue::Double(f64::from_bits(field.fixed64()?)),
                5 => self.array(field.message()?, value)?,
                6 => self.map(field.message()?, value)?,
                7 => *value = AnyValue::Bytes(self.bytes(&field)?.to_owned()),
                // An index into a string table that only the profiles signal has.
                8 => *value = AnyValue::Null,
                _ => {}
            }
        }
        Ok(())
    }

    fn array(&mut self, message: Message, value: &mut AnyValue) -> Result<(), DecodeError> {
        if !matches!(value, AnyValue::Array(_)) {
            *value = AnyValue::Array(Vec::new());
        }
        let AnyValue::Array(values) = value else { return Ok(()) };
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == 1 {
                self.take::<AnyValue>()?;
                let mut element = AnyValue::Null;
                self.value(field.message()?, &mut element)?;
                values.push(element);
            }
        }
        Ok(())
    }

    fn map(&mut self, message: Message, value: &mut AnyValue) -> Result<(), DecodeError> {
        if !matches!(value, AnyValue::Map(_)) {
            *value = AnyValue::Map(Vec::new());
        }
        let AnyValue::Map(entries) = value else { return Ok(()) };
        let mut fields = message.fields(self.body);
        while let Some(field) = fields.next()? {
            if field.tag == 1 {
                entries.push(self.key_value(field.message()?)?);
            }
        }
        Ok(())
    }
}

impl RawSpan<'_> {
    fn admit(self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, Rejected> {
        Ok(Span {
            trace_id: model::id("trace_id", self.trace_id)?,
            span_id: model::id("span_id", self.span_id)?,
            parent_span_id: model::parent(self.parent_span_id),
            trace_state: self.trace_state,
            flags: self.flags,
            name: self.name,
            kind: self.kind,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            attributes: self.attributes,
            events: self.events,
            links: self.links,
            status: self.status,
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        })
    }
}

#[cfg(test)]
mod tests;
