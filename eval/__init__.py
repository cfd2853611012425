"""The numbers: metrics of the identity memory so far; batch evaluation will follow."""
