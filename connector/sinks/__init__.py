"""The vendors behind one seam. Knows no Kafka."""
