//! Text that people sign and that is shown beside other things: a line, and nothing that could pass
//! for what stands around it.

/// Whether a text is one line of printable letters of ASCII, of at most so many bytes. An empty one is.
pub fn is_line(text: &str, bytes_max: usize) -> bool {
    let is_text = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.len() <= bytes_max && text.bytes().all(is_text)
}
