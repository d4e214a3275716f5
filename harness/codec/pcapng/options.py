"""Options at the end of pcapng blocks: code, length, value, padding.

Source:
    draft-ietf-opsawg-pcapng-03, section "Options".
"""

import struct

from harness.codec.pcapng.byte_order import ByteOrder, struct_prefix
from harness.errors import DecodeError, EncodeError

OPT_ENDOFOPT = 0
OPT_COMMENT = 1


def decode_options(
    data: bytes, position: int, end: int, *, order: ByteOrder, offset_bytes: int
) -> list[tuple[int, bytes]]:
    """Return (code, value) of the options in ``data[position:end]``, up to opt_endofopt, in their order.

    Args:
        data: holds the block.
        position: of the first option.
        end: of the body of the block.
        order: of the section.
        offset_bytes: of data within the file, for errors.

    Raises:
        DecodeError: an option is longer than what is left of its block.
    """
    options = []
    head = struct.Struct(struct_prefix(order) + "HH").unpack_from
    while end - position >= 4:
        code, size_bytes = head(data, position)
        if code == OPT_ENDOFOPT:
            break
        start = position + 4
        if size_bytes > end - start:
            raise DecodeError(
                f"option {code} of {size_bytes} bytes where {end - start} are left in the block",
                layer="pcapng",
                offset_bytes=offset_bytes + position,
            )
        options.append((code, data[start : start + size_bytes]))
        # The padding of a last option may be missing; then the loop ends by itself.
        position = start + (size_bytes + 3 & ~3)
    return options


def encode_options(options: list[tuple[int, bytes]], *, order: ByteOrder) -> bytes:
    """Return the options with opt_endofopt, or nothing for none.

    Raises:
        EncodeError: a value is longer than 65,535 bytes.
    """
    if not options:
        return b""
    head = struct.Struct(struct_prefix(order) + "HH")
    parts = []
    for code, value in options:
        if len(value) > 0xFFFF:
            raise EncodeError(f"option {code} of {len(value)} bytes; a pcapng option holds 65535")
        parts += [head.pack(code, len(value)), value, bytes(-len(value) % 4)]
    parts.append(head.pack(OPT_ENDOFOPT, 0))
    return b"".join(parts)


def decode_text(value: bytes) -> str:
    """Return the UTF-8 text of an option; what is not UTF-8 is replaced, since text only informs."""
    return value.decode("utf-8", "replace")


def text_option(options: list[tuple[int, bytes]], code: int) -> str | None:
    """Return the text of the first option with this code."""
    for found, value in options:
        if found == code:
            return decode_text(value)
    return None


def comments_of(options: list[tuple[int, bytes]]) -> tuple[str, ...]:
    """Return all comments among the options."""
    return tuple(decode_text(value) for code, value in options if code == OPT_COMMENT)


def text_options(*texts: tuple[int, str | None], comments: tuple[str, ...]) -> list[tuple[int, bytes]]:
    """Return options for the comments and the texts that are not None."""
    options = [(OPT_COMMENT, comment.encode()) for comment in comments]
    options += [(code, text.encode()) for code, text in texts if text is not None]
    return options
