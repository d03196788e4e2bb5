"""Files that models come in, looked at without loading them: formats, headers, opcodes, tensors."""
