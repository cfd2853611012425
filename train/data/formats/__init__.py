"""Formats: the published records of LLaMA-VID, Video-ChatGPT, LongVideoQA, VTimeLLM and IDA-VLM, one file each."""
