"""Hiding bytes in pictures. Each method is one module: `lsb` and `qim` work on pixels, `jpeg` on JPEG files.

`lsb` is for lossless files, `jpeg` for JPEG files that are not encoded again, `qim` for lossy video
(docs/steganography.md). These are our choices: for this step the paper cites [14], a paper on steganalysis, and does
not say how it embeds (section III-C). `keystream` draws random numbers that writer and reader must share, such as the
order in which samples carry bits. `convolutional` is the error-correcting code of `qim`.
"""
