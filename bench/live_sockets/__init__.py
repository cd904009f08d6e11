"""What capture keeps of thousands of live chats, by the websocket and by GetTranscript alone.

`python -m bench.live_sockets --help` says how. Capture runs as it is, in processes of its own that
are replaced and may be killed; DynamoDB and S3 are stand-ins in memory, for moto is too slow.
"""
