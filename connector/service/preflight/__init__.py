"""What `check --live` asks the brokers, topics and vendors. Changes nothing: joins no group, writes nothing."""
