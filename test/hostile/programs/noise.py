"""NULs, every byte, and what looks like UTF-8 and is not."""
import sys

sys.stdout.buffer.write(b"\0" * 5 + bytes(range(256)) + b"\xc0\x80\xed\xa0\x80\xf8\x88\x80\x80\x80\xff")
