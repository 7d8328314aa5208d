"""The one place that hides secrets and personal data: in vendors' messages and in payloads shown to people."""
