--  Indirect calls as Ada makes them: dispatching operations, access to subprograms, nested subprograms that are passed
--  on with their frame, generics over formal subprograms, controlled types, and exceptions through all of these.

with Ada.Finalization;
with Ada.Text_IO; use Ada.Text_IO;

procedure Dispatch is

   package Shapes is
      type Shape is abstract tagged record
         Scale : Integer := 1;
      end record;
      function Area (Self : Shape) return Integer is abstract;
      function Weight (Self : Shape) return Integer;
      type Shape_Access is access all Shape'Class;

      type Circle is new Shape with record
         Radius : Integer := 1;
      end record;
      overriding function Area (Self : Circle) return Integer;

      type Square is new Shape with record
         Side : Integer := 1;
      end record;
      overriding function Area (Self : Square) return Integer;
      overriding function Weight (Self : Square) return Integer;

      Unbalanced : exception;
   end Shapes;

   package body Shapes is
      function Weight (Self : Shape) return Integer is (2 * Area (Shape'Class (Self)));
      function Area (Self : Circle) return Integer is (3 * Self.Radius ** 2 * Self.Scale);
      function Area (Self : Square) return Integer is (Self.Side ** 2 * Self.Scale);
      function Weight (Self : Square) return Integer is
      begin
         if Self.Side mod 11 = 0 then
            raise Unbalanced with "side" & Self.Side'Image;
         end if;
         return Area (Square'Class (Self)) + 1;
      end Weight;
   end Shapes;
   use Shapes;

   Depth : Integer := 0;

   package Guards is
      type Guard is new Ada.Finalization.Limited_Controlled with null record;
      overriding procedure Initialize (Self : in out Guard);
      overriding procedure Finalize (Self : in out Guard);
   end Guards;

   package body Guards is
      procedure Initialize (Self : in out Guard) is
      begin
         Depth := Depth + 1;
      end Initialize;
      procedure Finalize (Self : in out Guard) is
      begin
         Depth := Depth - 1;
      end Finalize;
   end Guards;

   type Operation is access function (X, Y : Integer) return Integer;

   function Sum (X, Y : Integer) return Integer is ((X + Y) mod 100_003);
   function Mix (X, Y : Integer) return Integer is ((X * 31 + Y) mod 100_003);
   function Least (X, Y : Integer) return Integer is (Integer'Min (X, Y + 50_000));

   Table : constant array (0 .. 2) of Operation := (Sum'Access, Mix'Access, Least'Access);

   procedure Each (Low, High : Integer; Visit : not null access procedure (N : Integer)) is
   begin
      for N in Low .. High loop
         Visit (N);
      end loop;
   end Each;

   generic
      with function Before (X, Y : Integer) return Boolean;
   function First (X, Y, Z : Integer) return Integer;

   function First (X, Y, Z : Integer) return Integer is
      XY : constant Integer := (if Before (X, Y) then X else Y);
   begin
      return (if Before (XY, Z) then XY else Z);
   end First;

   Direction : Integer := 1;
   function Ordered (X, Y : Integer) return Boolean is (X * Direction < Y * Direction);
   function First_Ordered is new First (Ordered);

   Total : Integer := 0;
   Items : array (1 .. 24) of Shape_Access;

begin
   for I in Items'Range loop
      if I mod 3 = 0 then
         Items (I) := new Circle'(Scale => 1 + I mod 2, Radius => I);
      else
         Items (I) := new Square'(Scale => 1, Side => I);
      end if;
   end loop;

   for Item of Items loop
      declare
         Held : Guards.Guard;
         pragma Unreferenced (Held);
      begin
         Total := Total + Item.Weight;
      exception
         when Unbalanced =>
            Total := Total - Depth;
      end;
   end loop;
   Put_Line ("weights" & Total'Image & Depth'Image);

   for I in 0 .. 200 loop
      Total := Table (I * 7 mod 3) (Total, I);
   end loop;
   Put_Line ("operations" & Total'Image);

   declare
      Local : Integer := 0;
      procedure Collect (N : Integer) is
         procedure Inner (M : Integer) is
         begin
            Local := (Local * 3 + N * M) mod 100_003;
            if Local = 77 then
               raise Unbalanced;
            end if;
         end Inner;
      begin
         Each (1, N mod 5, Inner'Access);
      end Collect;
   begin
      Each (1, 40, Collect'Access);
      Put_Line ("nested" & Local'Image);
   end;

   for Turn in 1 .. 2 loop
      Put_Line ("generic" & Integer'Image (First_Ordered (Turn * 5, 7, 3)));
      Direction := -1;
   end loop;

   begin
      Items (22).all := Shape'Class (Square'(Scale => 2, Side => 22));
      Put_Line (Integer'Image (Items (22).Weight));
   exception
      when Unbalanced =>
         Put_Line ("unbalanced" & Depth'Image);
   end;
end Dispatch;
