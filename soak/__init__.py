"""The service under load and through faults, and a checker that judges it by what its clients were told (docs/reliability.md)."""
