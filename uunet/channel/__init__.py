"""What happens to a head between U_e and U_d: resizing to the ROI, 8-bit rounding, lossy files, and resizing back.

`pixels` maps between ROI and network. Here, `jpeg` is 4:2:0 and JPEG as part of the training graph, `video_codec` runs
real video encoders outside of it, and `simulation` puts them together for training. Gradients pass straight through
rounding and through video encoders, which have none.
"""
