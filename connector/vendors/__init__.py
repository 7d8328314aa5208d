"""The vendors behind one seam, each in its own folder. Knows no Kafka."""
