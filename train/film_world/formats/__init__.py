"""Formats: film world as training data of LLaMA-VID, IDA-VLM and VTimeLLM, and as long text."""
