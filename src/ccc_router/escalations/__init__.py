"""Floor 5: departments: telling them of escalations by signed webhook or mail, and taking what they do with them."""
