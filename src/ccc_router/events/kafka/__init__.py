"""Facts through Kafka: what a record says, who appends them, who reads them, and what happens while Kafka is away."""
