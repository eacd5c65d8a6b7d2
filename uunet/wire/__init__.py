"""The hidden messages: their bytes (`protocol`), keys and sealing (`crypto`), into frames and back (`messages`)."""
