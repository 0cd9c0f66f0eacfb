"""python -m ccc_router."""

from ccc_router.cli import main

if __name__ == "__main__":
    main()
