"""Many peers: the packet walk, rooms, slots, keyframe requests and the media worker around them."""
