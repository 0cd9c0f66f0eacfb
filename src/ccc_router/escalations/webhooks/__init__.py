"""Webhooks to departments: where they may go, how they are signed and sent, and how the endpoints are doing."""
