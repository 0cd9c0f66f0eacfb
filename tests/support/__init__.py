"""What tests are made with: databases, clocks, waiting, builders."""
